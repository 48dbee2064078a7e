// The pages of `upgrade serve`: a whole upgrade is watched and answered in the browser, with a failure on
// the way, while `upgrade run` drives it in another process.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { accessible, browse, fits, open, shoot, tab } from './lib/browser.mjs'

const config = 'sim/upgrade.yaml'
const run = '/runs/test-0001'

// program starts a command; said(pattern) waits until its output has it, ended is its exit code.
function program(...args) {
  const child = spawn(args[0], args.slice(1))
  const p = { child, out: '', ended: once(child, 'exit').then(([code]) => code) }
  p.said = async (pattern) => {
    for (;;) {
      const found = p.out.match(pattern)
      if (found) return found
      const news = await Promise.race([once(child.stdout, 'data'), p.ended.then(() => undefined)])
      assert.ok(news || pattern.test(p.out), `${args.join(' ')} ended without ${pattern}: ${p.out}`)
    }
  }
  child.stdout.on('data', (b) => { p.out += b })
  child.stderr.on('data', (b) => { p.out += b })
  return p
}

async function serve(...args) {
  const server = program('upgrade', 'serve', '-config', config, ...args)
  const link = (await server.said(/open (\S+)/))[1]
  return { ...server, link, base: new URL(link).origin }
}

// control asks the simulator.
async function control(method, path, body) {
  const answer = await fetch(readFileSync('sim/control.url', 'utf8').trim() + path, { method, body: body && JSON.stringify(body) })
  assert.equal(answer.status, 200, await answer.text())
}

// inspect holds the page to the rules, light and wide, then dark and narrow, and takes pictures for who wants them.
async function inspect(page, name) {
  for (const [colorScheme, width] of [['light', 1200], ['dark', 390]]) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 900 })
    await accessible(page, `${name}, ${colorScheme}`)
    await fits(page, `${name}, ${colorScheme}`)
    if (process.env.SHOTS) await shoot(page, `serve-${name}-${colorScheme}`)
  }
  await page.setViewportSize({ width: 1200, height: 900 })
}

// clean fails with what a page complained about. Streams and downloads that end with a page are none of it.
function clean(page) {
  assert.deepEqual(page.errors.filter((e) => !e.endsWith('net::ERR_ABORTED')), [])
}

const question = (page, title) => page.locator('#question-title', { hasText: title }).waitFor()

// fill answers the question that the page shows. pick chooses from each list.
async function fill(page, statement, pick = (options) => options[1]) {
  for (const select of await page.locator('#question select').all()) {
    await select.selectOption(pick(await select.locator('option').allTextContents()))
  }
  for (const input of await page.locator('#question .field input[required]:enabled').all()) {
    const values = { url: 'https://docs.example.invalid', date: await input.getAttribute('max') ?? '2027-01-31' }
    const now = (await input.getAttribute('placeholder'))?.endsWith('now') && 'now'
    await input.fill(values[await input.getAttribute('type')] ?? (now || 'Kim'))
  }
  await page.getByLabel('Your statement').fill(statement)
}

// tabTo presses Tab until the element that what describes has the focus, and fails if the focus cannot be
// seen, leaves the page or never comes there.
async function tabTo(page, what, is) {
  for (let presses = 0; presses < 400; presses++) {
    const stop = await tab(page)
    assert.ok(stop.tag !== 'body' && stop.outlined, `on the way to ${what} the focus cannot be seen: ${JSON.stringify(stop)}`)
    if (is(stop)) return stop
  }
  assert.fail(`Tab never comes to ${what}`)
}

// press goes to a button of the question by Tab, presses it with Enter, and waits for what the server answers.
async function press(page, text) {
  await tabTo(page, text, (stop) => stop.tag === 'button' && stop.text === text)
  const loaded = page.waitForEvent('load')
  await page.keyboard.press('Enter')
  await loaded
}

// typeFields goes through the entries of the question by Tab alone and answers each from the keyboard.
async function typeFields(page, statement) {
  for (;;) {
    const stop = await tabTo(page, 'an entry', (stop) => ['select', 'input', 'textarea'].includes(stop.tag))
    if (stop.tag === 'select') await page.keyboard.press('ArrowDown')
    else if (stop.id === 'statement') return page.keyboard.type(statement)
    else await page.keyboard.type('Kim')
  }
}

// keepsFocus: news come while something far from any form has the focus; it keeps it, and stays open.
async function keepsFocus(page) {
  await page.locator('#phase-1 summary').first().focus()
  const before = await page.locator('#phase-1').evaluate((e) => e.open)
  await page.keyboard.press('Enter')
  await page.evaluate(() => { window.had = document.activeElement })
  const progress = () => page.locator('#step-upload-package .progress').textContent()
  const first = await progress()
  await page.waitForFunction((was) => document.querySelector('#step-upload-package .progress')?.textContent !== was, first)
  const { same, open } = await page.evaluate(() => ({ same: window.had === document.activeElement, open: window.had.parentElement.open }))
  assert.ok(same, 'the focus moved when news came')
  assert.equal(open, !before, 'what was folded by hand was unfolded')
  await page.keyboard.press('Enter')
}

// post sends a form as a program would, and returns the status.
function post(url, headers, body = '') {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers } },
      (answer) => { answer.resume(); resolve(answer.statusCode) })
    request.on('error', reject)
    request.end(body)
  })
}

// foreign serves a page that sends a form to url as soon as it is opened.
async function foreign(url) {
  const server = http.createServer((_, answer) => {
    answer.setHeader('Content-Type', 'text/html')
    answer.end(`<body><form method="post" action="${url}"><input name="statement" value="from elsewhere"></form><script>document.forms[0].submit()</script>`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const programs = []
try {
  await browse(async (browser) => {
    programs.push(program('simulator', '-dir', 'sim'))
    await programs[0].said(/ready/)
    const server = await serve()
    programs.push(server)
    await strangers(browser, server)
    const page = await open(browser, server.link)
    await page.getByText('No run has begun yet').waitFor()
    assert.ok(!page.url().includes('token'), 'the token stays in the address')
    await inspect(page, 'empty')

    const driver = program('upgrade', 'run', '-config', config, '-prompt', 'wait')
    programs.push(driver)
    await page.getByRole('link', { name: 'test-0001' }).click()
    await attest(browser, page, server)
    await approve(page)
    await fail(page)
    await upload(page)
    await finish(page, driver)
    await readOnly(browser)
    server.child.kill('SIGINT')
    assert.equal(await server.ended, 0, server.out)
  })
} finally {
  for (const p of programs) p.child.kill('SIGKILL')
}

// Nobody gets in without the token, under another name, or from somebody else's page.
async function strangers(browser, server) {
  const page = await open(browser, server.base + run)
  await page.getByLabel('Token').waitFor()
  assert.equal(new URL(page.url()).pathname, '/login')
  await inspect(page, 'login')
  await page.getByLabel('Token').fill('a wrong token, surely')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('This token is not known.').waitFor()
  await page.context().close()
  const { host } = new URL(server.base)
  assert.equal(await post(server.base + '/', { Host: 'evil.example' }), 421, 'another name')
  assert.equal(await post(server.base + run + '/answer', { Host: host, Origin: 'https://evil.example' }), 403, 'another origin')
  assert.equal(await post(server.base + run + '/answer', { Host: host }), 401, 'no token')
}

async function attest(browser, page, server) {
  await question(page, 'Release notes reviewed')
  assert.equal((await tab(page)).text, 'Skip to the content')
  await inspect(page, 'attest')
  await keepsWhatIsTyped(page)
  await outdated(page)
  await fromElsewhere(page, server)
  await question(page, 'vendor')
  await page.getByLabel('Your statement').focus() // nothing is typed, so it may go
  await withoutScript(browser, server)
  await question(page, 'Breaking changes')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main', 'the focus fell out of the content')
  await typeFields(page, 'nothing breaks')
  await press(page, 'Attest')
}

// Something happens elsewhere while somebody types, here an early answer to a later question: the words
// and the focus stay.
async function keepsWhatIsTyped(page) {
  const statement = page.getByLabel('Your statement')
  await statement.pressSequentially('half a sent')
  const records = await page.locator('#proof').textContent()
  const early = program('upgrade', 'decide', '-config', config, '-run', 'test-0001', '-step', 'record-production-date',
    '-statement', 'early', '-value', 'date=2027-01-31', 'attest')
  assert.equal(await early.ended, 0, early.out)
  await page.waitForFunction((was) => document.getElementById('proof').textContent !== was, records)
  assert.equal(await statement.inputValue(), 'half a sent')
  await page.keyboard.type('ence')
  assert.equal(await statement.inputValue(), 'half a sentence')
  assert.ok(await page.locator('#outdated').isHidden())
}

// The same question in two windows: the second answer is refused, and what was typed is given back.
async function outdated(page) {
  const second = await page.context().newPage()
  await second.goto(page.url())
  await fill(second, 'read by the second window')
  await second.getByRole('button', { name: 'Attest' }).click()
  await page.locator('#outdated').waitFor()
  assert.equal(await page.getByLabel('Your statement').inputValue(), 'half a sentence')
  await inspect(page, 'outdated')
  await fill(page, 'half a sentence')
  await page.getByRole('button', { name: 'Attest' }).click()
  await page.getByText('Your answer was not recorded').waitFor()
  await page.getByText('half a sentence').waitFor()
  await inspect(page, 'refused')
  page.errors = page.errors.filter((e) => !e.includes('409'))
  await page.getByRole('link', { name: 'Go on' }).click()
  await second.close()
}

// A form that somebody else's page sends is refused, whatever the browser brings along.
async function fromElsewhere(page, server) {
  const elsewhere = await foreign(server.base + run + '/abort')
  for (const name of ['127.0.0.1', 'localhost']) {
    const other = await page.context().newPage()
    const answered = other.waitForResponse((r) => r.url().endsWith('/abort'))
    await other.goto(`http://${name}:${elsewhere.address().port}/`)
    assert.equal((await answered).status(), 403, name)
    await other.close()
  }
  elsewhere.close()
  await page.reload()
  assert.equal(await page.getByText('has asked the run to end').count(), 0)
}

async function withoutScript(browser, server) {
  const page = await open(browser, server.link, { javaScriptEnabled: false })
  assert.equal(await page.locator('meta[http-equiv=refresh]').count(), 1)
  await page.goto(server.base + run)
  assert.equal(await page.locator('meta[http-equiv=refresh]').count(), 0, 'a page with a form loads itself again')
  await fill(page, 'none was offered, without a script', (options) => options.at(-1))
  await page.getByRole('button', { name: 'Attest' }).click()
  await page.waitForURL(server.base + run)
  clean(page)
  await page.context().close()
}

async function approve(page) {
  await question(page, 'Approve the plan')
  await control('POST', '/faults', { system: 'azure', fault: { kind: 'answer', method: 'POST', path: '/backup\\?', status: 403, times: -1,
    header: { 'Content-Type': ['application/json'] }, body: '{"error":{"code":"AuthorizationFailed","message":"no backup for you"}}' } })
  await inspect(page, 'approve')
  await page.reload()
  const first = await tab(page)
  assert.equal(first.text, 'Skip to the content')
  await page.keyboard.press('Enter')
  await tabTo(page, 'the statement', (stop) => stop.id === 'statement')
  await page.keyboard.type('approved by keyboard')
  await press(page, 'Approve the plan')
}

async function fail(page) {
  await page.getByText('A step failed; the run waits for a decision').waitFor()
  await inspect(page, 'failed')
  assert.match(await page.locator('#owed').textContent(), /pipeline\/queue-status/)
  await page.getByRole('link', { name: 'End this run' }).click()
  await page.getByRole('heading', { name: 'End test-0001' }).waitFor()
  await inspect(page, 'abort')
  await page.getByRole('link', { name: 'Back to the run' }).click()
  await control('DELETE', '/faults')
  await control('POST', '/faults', { system: 'pexip test', fault: { kind: 'delay', path: '/upload/$', skip: 4, times: 1, delay: 10e9 } })
  while (!(await page.locator('#step-upload-package.running').count())) { // each VM that failed asks
    const retry = page.getByRole('button', { name: 'Retry' })
    await retry.or(page.locator('#step-upload-package.running')).first().waitFor()
    if (!(await retry.count())) continue
    await page.locator('#main').focus()
    await press(page, 'Retry')
  }
}

async function upload(page) {
  await page.locator('#step-upload-package progress').waitFor()
  await keepsFocus(page)
  await inspect(page, 'upload')
}

async function finish(page, driver) {
  await question(page, 'call')
  await fill(page, 'the call came through')
  await page.getByRole('button', { name: 'Attest' }).click()
  await page.locator('.banner .headline', { hasText: 'Completed' }).waitFor()
  assert.equal(await driver.ended, 0, driver.out)
  await page.reload() // the evidence is written after the last record
  await page.locator('details').evaluateAll((all) => { for (const d of all) d.open = true })
  await accessible(page, 'all evidence')
  await page.locator('details').evaluateAll((all) => { for (const d of all) d.open = d.closest('#phase-5') !== null })
  await inspect(page, 'completed')
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'evidence.json' }).click()
  assert.equal((await download).suggestedFilename(), 'evidence.json')
  await opensReport(page)
  clean(page)
}

// The report is shown without any right to run a script, so it is read here and not looked into.
async function opensReport(page) {
  const [answer] = await Promise.all([page.waitForResponse(/report\.html$/), page.getByRole('link', { name: 'report.html' }).click()])
  assert.equal(answer.status(), 200)
  assert.match(answer.headers()['content-security-policy'], /sandbox/)
  assert.match(await answer.text(), /<h1/)
}

async function readOnly(browser) {
  const server = await serve('-read-only')
  programs.push(server)
  const page = await open(browser, server.link)
  await page.getByText('read-only').waitFor()
  await inspect(page, 'list')
  await page.getByRole('link', { name: 'test-0001' }).click()
  await page.waitForURL(server.base + run)
  assert.equal(await page.locator('form, button, input, textarea').count(), 0)
  const token = new URL(server.link).searchParams.get('token')
  assert.equal(await post(server.base + run + '/answer', { Authorization: `Bearer ${token}` }), 403)
  await inspect(page, 'read-only')
  clean(page)
}
