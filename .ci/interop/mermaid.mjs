// The plan as a chart, read by Mermaid itself: every step a box, every group a subgraph, labels as they were.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { JSDOM } from 'jsdom'

globalThis.window = new JSDOM('').window // Mermaid cleans labels with a browser's parser
globalThis.document = window.document
const { default: mermaid } = await import('mermaid')

const chart = readFileSync(process.env.INTEROP_CHART, 'utf8')
assert.equal((await mermaid.parse(chart)).diagramType, 'flowchart-v2')

const { db } = await mermaid.mermaidAPI.getDiagramFromText(chart)
const boxes = [...db.getVertices().values()].filter((v) => v.text?.startsWith('<b>'))
const groups = db.getSubGraphs()
assert.equal(boxes.length, chart.match(/"\]:::/g).length)
assert.equal(groups.length, chart.match(/subgraph /g).length)
assert.equal(groups.filter((g) => g.title === 'side by side').length, 3)
assert.equal(boxes.filter((v) => v.classes.includes('irreversible')).length, 1)
assert.equal(db.getEdges().length, boxes.length - 3 * 41 + 3 - 1)
await assert.rejects(mermaid.parse(chart.replace(' end\n', '\n')))

console.log(`mermaid: ${boxes.length} steps in ${groups.length} boxes, and labels that are no markup`)
