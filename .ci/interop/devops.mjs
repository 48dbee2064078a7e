// The pipeline's life with the vendor's Node client: read, pause, list, cancel, resume.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import azdev from 'azure-devops-node-api'
import bi from 'azure-devops-node-api/interfaces/BuildInterfaces.js'

const project = 'Verify-by-Video Platform', id = 107
const { BuildQueryOrder, BuildReason, BuildResult, BuildStatus, DefinitionQueueStatus } = bi

const connection = new azdev.WebApi(process.env.INTEROP_URL, azdev.getPersonalAccessTokenHandler('interop'))
const me = await connection.connect()
assert.equal(me.authenticatedUser.providerDisplayName, 'Upgrade Operator')
assert.equal((await (await connection.getCoreApi()).getProject(project)).name, project)
const api = await connection.getBuildApi()

const found = await api.getDefinition(project, id)
assert.equal(found.queueStatus, DefinitionQueueStatus.Enabled)
assert.equal((await api.getDefinitions(project))[0].id, id)

const paused = await api.updateDefinition({ ...found, queueStatus: DefinitionQueueStatus.Paused, comment: 'interop: pause' }, project, id)
assert.equal(paused.queueStatus, DefinitionQueueStatus.Paused)
assert.equal(paused.revision, found.revision + 1)

// A write from an old revision is answered with 404, which this client returns as null.
assert.equal(await api.updateDefinition({ ...found, queueStatus: DefinitionQueueStatus.Disabled }, project, id), null)

const mine = await api.queueBuild({ definition: { id }, parameters: JSON.stringify({ why: 'interop' }) }, project)
assert.equal(mine.reason, BuildReason.Manual)

const list = (status) => api.getBuilds(project, [id], undefined, undefined, undefined, undefined, undefined, undefined,
  status, undefined, undefined, undefined, 50, undefined, undefined, undefined, BuildQueryOrder.QueueTimeAscending)
const ids = (builds) => builds.map((b) => b.id)
const waiting = await list(BuildStatus.NotStarted | BuildStatus.Postponed)
assert.deepEqual(ids(waiting), [502, mine.id])
assert.equal(waiting[0].reason, BuildReason.Schedule)
const running = await list(BuildStatus.InProgress)
assert.deepEqual(ids(running), [501])

for (const b of [...running, ...waiting]) {
  const asked = await api.updateBuild({ status: BuildStatus.Cancelling }, project, b.id)
  assert.equal(asked.status, BuildStatus.Cancelling)
}
let left = 3
for (let look = 0; look < 500 && left > 0; look++) {
  await sleep(10)
  left = (await list(BuildStatus.All & ~BuildStatus.Completed)).length
}
assert.equal(left, 0)
const over = await list(BuildStatus.Completed)
assert.deepEqual(over.map((b) => b.result), Array(3).fill(BuildResult.Canceled))

const resumed = await api.updateDefinition({ ...paused, queueStatus: DefinitionQueueStatus.Enabled, comment: 'interop: resume' }, project, id)
assert.equal(resumed.queueStatus, DefinitionQueueStatus.Enabled)
assert.ok(resumed.aFieldNoSDKKnows)

const history = await api.getDefinitionRevisions(project, id)
assert.deepEqual(history.slice(-2).map((r) => r.comment), ['interop: pause', 'interop: resume'])

const stranger = new azdev.WebApi(process.env.INTEROP_URL, azdev.getPersonalAccessTokenHandler('wrong'))
await assert.rejects(stranger.connect(), (e) => e.statusCode === 401)
assert.equal(await api.getBuild(project, 9), null)

// Plain curl, as the double's documentation has it; what is not there is JSON too.
const curl = (path, ...args) => execFileSync('curl', ['--silent', '--cacert', process.env.INTEROP_CA, '--user', ':interop',
  '--write-out', '\n%{http_code} %{content_type}', ...args, process.env.INTEROP_URL + path], { encoding: 'utf8' }).split('\n').filter(Boolean)
const json = (status) => `${status} application/json; charset=utf-8; api-version=7.1`
const [document, how] = curl('/Verify-by-Video%20Platform/_apis/build/definitions/107')
assert.equal(how, json(200))
assert.equal(JSON.parse(document).queueStatus, 'enabled')
for (const [path, status, typeKey, ...args] of [
  ['/_apis/wit/workitems/1', 404, 'VssResourceNotFoundException'],
  ['/Verify-by-Video%20Platform/_apis/build/builds/9', 404, 'BuildNotFoundException'],
  ['/Verify-by-Video%20Platform/_apis/build/definitions/107?api-version=7.1', 405, 'VssRequestMethodNotAllowed', '--data', '{}'],
]) {
  const [body, how] = curl(path, ...args)
  assert.equal(how, json(status))
  assert.equal(JSON.parse(body).typeKey, typeKey)
}

console.log('devops: read, paused, listed, cancelled and resumed with azure-devops-node-api, and asked with curl')
