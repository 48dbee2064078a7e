// A VM's life with the vendor's Node client: states, stop, snapshot, swap of the disk, start.
import assert from 'node:assert/strict'
import { ComputeManagementClient } from '@azure/arm-compute'

const subscription = '00000000-0000-4000-8000-000000000107', group = 'rg-pexip-test', vm = 'vm-node-mgmt-core'
const credential = { getToken: async () => ({ token: 'interop', expiresOnTimestamp: Date.now() + 3600_000 }) }
const client = new ComputeManagementClient(credential, subscription, { endpoint: process.env.INTEROP_URL, retryOptions: { maxRetries: 0 } })
const fast = { updateIntervalInMs: 5 }

const power = async () => (await client.virtualMachines.instanceView(group, vm)).statuses.find((s) => s.code.startsWith('PowerState/')).code
assert.equal(await power(), 'PowerState/running')

const names = []
for await (const m of client.virtualMachines.list(group)) names.push(m.name)
assert.deepEqual(names, ['vm-node-mgmt-core', 'vm-node-conf-core'])

await client.virtualMachines.deallocate(group, vm, fast)
assert.equal(await power(), 'PowerState/deallocated')
await client.virtualMachines.deallocate(group, vm, fast)

const model = await client.virtualMachines.get(group, vm, { expand: 'instanceView' })
const old = await client.disks.get(group, model.storageProfile.osDisk.name)
const copyOf = (source) => ({ createOption: 'Copy', sourceResourceId: source })
const snapshot = await client.snapshots.createOrUpdate(group, 'interop', { location: old.location, incremental: true,
  networkAccessPolicy: 'DenyAll', creationData: copyOf(old.id) }, fast)
assert.equal(snapshot.provisioningState, 'Succeeded')
assert.equal(snapshot.networkAccessPolicy, 'DenyAll')
const disk = await client.disks.createOrUpdate(group, 'interop-os', { location: old.location, sku: { name: old.sku.name }, creationData: copyOf(snapshot.id) }, fast)

model.storageProfile.osDisk.name = disk.name
model.storageProfile.osDisk.managedDisk.id = disk.id
const changed = await client.virtualMachines.createOrUpdate(group, vm, model, { ...fast, ifMatch: model.etag })
assert.equal(changed.storageProfile.osDisk.name, 'interop-os')
await assert.rejects(async () => await client.virtualMachines.createOrUpdate(group, vm, model, { ...fast, ifMatch: model.etag }), { statusCode: 412, code: 'PreconditionFailed' })
await assert.rejects(async () => await client.disks.delete(group, 'interop-os', fast), { statusCode: 409 })
await client.snapshots.delete(group, 'interop', fast)

await client.virtualMachines.start(group, vm, fast)
assert.equal(await power(), 'PowerState/running')
await assert.rejects(client.virtualMachines.get(group, 'vm-x'), { statusCode: 404, code: 'ResourceNotFound' })

console.log('azure: read, stopped, snapshotted, swapped and started with @azure/arm-compute')
