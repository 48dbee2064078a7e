// What the cases share: a fresh browser, pages that tell what they do, and the rules for every page.
import assert from 'node:assert/strict'
import path from 'node:path'
import axe from 'axe-core'
import { chromium } from 'playwright-core'

// browse gives use a browser with an empty profile, and closes it whatever happens.
export async function browse(use) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'] })
  try {
    await use(browser)
  } finally {
    await browser.close()
  }
}

// open opens url in a context of its own. options are those of Playwright's newContext. The page has
// two lists: errors (of scripts, the console and the network) and requests (the addresses).
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  page.errors = []
  page.requests = []
  page.on('pageerror', (e) => page.errors.push(e.message))
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) page.errors.push(m.text()) })
  page.on('requestfailed', (r) => page.errors.push(`${r.url()}: ${r.failure().errorText}`))
  page.on('request', (r) => page.requests.push(r.url()))
  await page.goto(url)
  return page
}

// accessible fails with each rule of axe-core that the page breaks, and where.
export async function accessible(page, name) {
  await page.evaluate(axe.source)
  const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }))
  const found = violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`))
  assert.deepEqual(found, [], `${name}: axe-core`)
  assert.ok(passes.length > 10, `${name}: axe-core looked at ${passes.length} rules`)
}

// fits fails if the page scrolls sideways, or if text of a table is cut off.
export async function fits(page, name) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth
    const out = [...document.querySelectorAll('body *')].filter((e) => !e.closest('svg') && e.getClientRects().length > 0 && e.getBoundingClientRect().right > width + 1)
    return { width, scroll: document.documentElement.scrollWidth, out: out.slice(0, 5).map((e) => `${e.tagName} ${e.textContent.trim().slice(0, 60)}`) }
  })
  assert.deepEqual(wide.out, [], `${name}: reaches over the right edge`)
  assert.ok(wide.scroll <= wide.width, `${name}: is ${wide.scroll} wide in a window of ${wide.width}`)
}

// shelf is where a picture goes: into the folder SHOTS, if somebody wants to look at them.
export const shelf = (file) => process.env.SHOTS && path.join(process.env.SHOTS, file)

// shoot makes a screenshot of the whole page and returns its size in pixels.
export async function shoot(page, name) {
  const png = await page.screenshot({ path: shelf(`${name}.png`), fullPage: true, animations: 'disabled' })
  assert.equal(png.toString('latin1', 1, 4), 'PNG')
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20), bytes: png.length }
}

// tab presses Tab and says which element then has the focus.
export async function tab(page) {
  await page.keyboard.press('Tab')
  return page.evaluate(() => {
    const e = document.activeElement
    const style = getComputedStyle(e)
    return { tag: e.tagName.toLowerCase(), id: e.id, text: e.textContent.trim().slice(0, 80), href: e.getAttribute('href'),
      outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 }
  })
}
