// The report of a run, as a page: completed, waiting for a person, waiting for a decision, aborted.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { accessible, browse, fits, open, shelf, shoot, tab } from './lib/browser.mjs'

const light = { viewport: { width: 1280, height: 900 } }
const dark = { ...light, colorScheme: 'dark' }
const tablet = { viewport: { width: 768, height: 1024 } }
const narrow = { viewport: { width: 390, height: 844 } }

// looks are the forms of display in which each outcome is looked at. Completed and failed have every part
// that the others have; between them they are seen in every width and scheme.
const looks = {
  completed: { light, 'tablet-dark': { ...tablet, colorScheme: 'dark' }, narrow },
  failed: { dark, tablet, 'narrow-dark': { ...narrow, colorScheme: 'dark' } },
  waiting: { light },
  aborted: { light },
}

// upgrade runs the command and fails if it ends in another way.
async function upgrade(wanted, ...args) {
  const code = await new Promise((done) => execFile('upgrade', args, { maxBuffer: 1 << 26 }, (e) => done(e ? e.code : 0)))
  assert.equal(code, wanted, `upgrade ${args.join(' ')}`)
}

// reports makes one page of every outcome and returns their addresses by name.
async function reports() {
  await upgrade(0, 'rehearse', '-both', '-dir', 'r')
  const simulator = spawn('simulator', ['-dir', 'sim'], { stdio: 'ignore' })
  try {
    for (let look = 0; look < 600 && !existsSync('sim/control.url'); look++) await sleep(100)
    const control = readFileSync('sim/control.url', 'utf8').trim()
    const keep = (name) => copyFileSync('sim/state/runs/test-0001/report.html', `${name}.html`)
    const config = ['-config', 'sim/upgrade.yaml']
    await upgrade(4, 'run', ...config, '-prompt', 'never')
    keep('waiting')
    const fault = { kind: 'answer', method: 'POST', path: '/backup\\?', status: 403, times: -1, header: { 'Content-Type': ['application/json'] },
      body: '{"error": {"code": "AuthorizationFailed", "message": "<b>no</b> backup for you"}}' }
    const made = await fetch(`${control}/faults`, { method: 'POST', body: JSON.stringify({ system: 'azure', fault }) })
    assert.ok(made.ok, `fault: ${made.status}`)
    await upgrade(5, 'resume', ...config, '-answers', 'sim/answers-test.yaml')
    keep('failed')
    await fetch(`${control}/faults`, { method: 'DELETE' })
    await upgrade(6, 'settle', ...config, '-reason', 'not tonight')
    keep('aborted')
  } finally {
    simulator.kill()
  }
  const files = { completed: 'r/state/runs/production-0001/report.html', waiting: 'waiting.html', failed: 'failed.html', aborted: 'aborted.html' }
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, pathToFileURL(file).href]))
}

// quiet fails if the page said or asked for anything.
function quiet(page, url, name) {
  assert.deepEqual(page.errors, [], `${name}: the console`)
  assert.deepEqual(page.requests, [url], `${name}: requests`)
}

// heights are how high a page is at least and at most, in a window of each width. Fonts differ a little.
const heights = { 1280: [5000, 10_000], 768: [6500, 12_000], 703: [5000, 9000], 390: [11_000, 20_000] }

// mostPaper is how many pages an auditor wants to file.
const mostPaper = 8

// look checks what every report has, in one form of display.
async function look(browser, url, name, options) {
  const page = await open(browser, url, options)
  await accessible(page, name)
  await fits(page, name)
  await parts(page, name)
  quiet(page, url, name)
  await pictured(page, name, options.viewport.width)
  await page.context().close()
}

// pictured takes a screenshot and holds it to the width of the window, and to a height that fits.
async function pictured(page, name, width) {
  const size = await shoot(page, name)
  assert.equal(size.width, width, `${name}: width of the screenshot`)
  const [least, most] = heights[width]
  assert.ok(size.height > least && size.height < most, `${name}: ${size.height} high, not between ${least} and ${most}`)
  assert.ok(size.bytes > 50_000, `${name}: the screenshot has only ${size.bytes} bytes`)
}

// parts are there, have a size and stand in their order.
async function parts(page, name) {
  const order = ['.banner', '#deviations', '#owed', '#open', '#timeline', '.plot', '#clauses', '#said', '#putback', '#files', '#found', '#requests', '#proof']
  let above = 0
  for (const part of order) {
    const box = await page.locator(part).boundingBox()
    assert.ok(box.width > 100 && box.height > 15, `${name}: ${part} is ${box.width} by ${box.height}`)
    assert.ok(box.y >= above, `${name}: ${part} stands too high`)
    above = box.y
  }
  const { bars, rows, flat, plot, names } = await page.evaluate(() => {
    const box = (e) => e.getBoundingClientRect()
    const steps = [...document.querySelectorAll('.plot g.step')]
    return { bars: steps.filter((g) => g.querySelector('rect')).length, flat: steps.filter((g) => [...g.querySelectorAll('rect')].some((r) => box(r).width + parseFloat(getComputedStyle(r).strokeWidth) < 1 || box(r).height < 5)).length,
      rows: document.querySelectorAll('#timeline ~ details tbody th[id^=step-]').length, plot: box(document.querySelector('.plot')).width, names: box(document.querySelector('.names')).right - box(document.querySelector('.plot')).left }
  })
  assert.ok(bars > 5 && bars === rows, `${name}: ${bars} bars for ${rows} steps`)
  assert.equal(flat, 0, `${name}: ${flat} bars cannot be seen`)
  assert.ok(plot > 120 && names <= 0, `${name}: the time axis is ${plot} wide and covered by ${names}`)
}

// onPaper: all but the requests is there and nothing is cut off, in the light scheme also where the screen is dark.
async function onPaper(browser, url, name) {
  const page = await open(browser, url, { ...dark, viewport: { width: 703, height: 1024 } }) // A4 within its margins
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  await accessible(page, name)
  await fits(page, name)
  const { closed, paper, kept, cut, rows, clauses } = await page.evaluate(() => {
    const style = (e) => getComputedStyle(e)
    const all = (s) => [...document.querySelectorAll(s)]
    const seen = (e) => e.checkVisibility({ contentVisibilityAuto: true }) && e.getBoundingClientRect().height >= 5
    return { closed: all('details:not(.screen) > *:not(summary), .paper').filter((e) => !seen(e)).map((e) => e.parentElement.textContent.slice(0, 60)),
      kept: all('details.screen, nav, .skip').filter(seen).length, paper: style(document.documentElement).backgroundColor,
      cut: all('tr, li, figure, .banner').filter((e) => seen(e) && style(e).breakInside !== 'avoid').length,
      clauses: new Set(all('.paper tbody th').map((e) => e.textContent)).size,
      rows: all('thead').filter((e) => seen(e) && style(e).display !== 'table-header-group').length }
  })
  assert.deepEqual(closed, [], `${name}: not on paper`)
  assert.equal(kept, 0, `${name}: what is for the screen`)
  assert.equal(paper, 'rgb(255, 255, 255)', `${name}: colour of the paper`)
  assert.equal(cut, 0, `${name}: rows that a page may cut`)
  assert.equal(rows, 0, `${name}: heads that do not repeat`)
  assert.ok(clauses >= 25, `${name}: ${clauses} clauses`)
  await pictured(page, name, 703)
  const pdf = await page.pdf({ path: shelf(`${name}.pdf`), preferCSSPageSize: true })
  const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g).length
  assert.ok(pages >= 3 && pages <= mostPaper, `${name}: ${pages} pages of paper`)
  const [, width, height] = pdf.toString('latin1').match(/\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)/).map(Number)
  assert.ok(Math.abs(width - 595) < 2 && Math.abs(height - 842) < 2, `${name}: ${width} by ${height} points are not A4`)
  quiet(page, url, name)
  await page.context().close()
}

// byKeyboard: the skip link is first and works, and the details open without a mouse.
async function byKeyboard(browser, url, name) {
  const page = await open(browser, url, light)
  const first = await tab(page)
  assert.equal(first.href, '#main', `${name}: the first stop is ${JSON.stringify(first)}`)
  assert.ok(first.outlined, `${name}: the skip link shows no focus`)
  await page.keyboard.press('Enter')
  let stop = await tab(page)
  assert.ok(!stop.href?.startsWith('#deviations'), `${name}: the skip link skips nothing`)
  for (let presses = 0; presses < 400 && stop.tag !== 'summary'; presses++) stop = await tab(page)
  assert.equal(stop.tag, 'summary', `${name}: Tab never reaches the details`)
  assert.ok(stop.outlined, `${name}: the summary shows no focus`)
  const isOpen = () => page.evaluate(() => document.activeElement.parentElement.open)
  const before = await isOpen()
  await page.keyboard.press('Enter')
  assert.notEqual(await isOpen(), before, `${name}: Enter does not open the details`)
  await page.context().close()
}

const text = (page, part) => page.locator(part).innerText()

// says checks what the outcome is, in words.
async function says(browser, urls) {
  const wanted = {
    completed: { '.banner': [/^Completed/, /nothing is owed/], 'main': [/Every step that was begun was done/] },
    waiting: { '.banner': [/^Not ended: waits for a person: Release notes reviewed/, /never begun/] },
    failed: { '.banner': [/^Not ended: waits for a person/, /AuthorizationFailed/, /<b>no<\/b> backup for you/, /possible decisions\s+retry, abort/, /still to be put back/],
      'main': [/power\/rg-vbv-pexip-test\/vm-node-mgmt-core/] },
    aborted: { '.banner': [/^Aborted: not tonight/, /nothing is owed/], 'main': [/failed backup-vm/] },
  }
  for (const [name, parts] of Object.entries(wanted)) {
    const page = await open(browser, urls[name], light)
    for (const [part, patterns] of Object.entries(parts)) {
      for (const pattern of patterns) assert.match(await text(page, part), pattern, name)
    }
    await page.context().close()
  }
}

const urls = await reports()
await browse(async (browser) => {
  await says(browser, urls)
  for (const [name, forms] of Object.entries(looks)) {
    for (const [form, options] of Object.entries(forms)) await look(browser, urls[name], `report-${name}-${form}`, options)
  }
  for (const name of ['completed', 'failed']) {
    await onPaper(browser, urls[name], `report-${name}-print`)
    await byKeyboard(browser, urls[name], name)
  }
})
