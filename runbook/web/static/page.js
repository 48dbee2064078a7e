// Keeps a page up to date: when the server says that there is something new, the page is read again and
// what differs is put in place. What has the focus keeps it, what is folded out stays so, and a form in
// which somebody has typed is never touched. Without this script every page still works.
'use strict'

const self = document.body.dataset.self
let source
let lost

function connect() {
  disconnect()
  if (!document.body.dataset.events || document.hidden) return
  source = new EventSource(document.body.dataset.events)
  source.addEventListener('open', () => { clearTimeout(lost); lost = undefined; offline(false) })
  source.addEventListener('changed', update)
  source.addEventListener('error', () => { // a stream ends now and then, and is opened again
    lost ??= setTimeout(() => offline(true), 10000)
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 10000)
  })
}

function disconnect() {
  if (source) source.close()
  source = undefined
}

function offline(yes) { document.getElementById('offline').hidden = !yes }

let busy = false
let again = false

// update reads the page again. News that arrive meanwhile make it read once more.
async function update() {
  if (busy) { again = true; return }
  busy = true
  try {
    const answer = await fetch(self, { headers: { Accept: 'text/html' }, cache: 'no-store' })
    if (!answer.ok || answer.redirected) throw new Error('signed out')
    show(new DOMParser().parseFromString(await answer.text(), 'text/html'))
    offline(false)
  } catch {
    offline(true)
  }
  busy = false
  if (again) { again = false; update() }
}

function show(page) {
  document.title = page.title
  document.body.dataset.now = page.body.dataset.now
  skew = Date.parse(page.body.dataset.now) - Date.now()
  const main = document.getElementById('main')
  const focused = document.activeElement
  merge(main, page.getElementById('main'))
  if (!focused.isConnected) main.focus({ preventScroll: true }) // what had it is gone: go on from here, not from the top
  if (page.body.dataset.events) {
    document.body.dataset.events = page.body.dataset.events
  } else {
    delete document.body.dataset.events
    disconnect()
  }
  tick()
  applies()
}

function same(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName &&
    (a.nodeType !== Node.ELEMENT_NODE || (a.id === b.id && a.dataset.key === b.dataset.key))
}

// typedIn says whether somebody has typed in a form of an element.
function typedIn(e) {
  return e.nodeType === Node.ELEMENT_NODE && (e.matches('form[data-dirty]') || e.querySelector('form[data-dirty]') !== null)
}

function outdated() { document.getElementById('outdated').hidden = false }

// remove takes a node out, unless somebody has typed in it.
function remove(node) {
  if (typedIn(node)) outdated()
  else node.remove()
}

// merge makes old like fresh, and keeps every node that may stay.
function merge(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data
    return
  }
  if (old.matches('form[data-dirty], input, textarea, select')) return
  if ('over' in fresh.dataset && !('over' in old.dataset) && !old.contains(document.activeElement)) old.open = false
  for (const { name, value } of fresh.attributes) {
    if (name !== 'open' && old.getAttribute(name) !== value) old.setAttribute(name, value)
  }
  for (const { name } of [...old.attributes]) {
    if (name !== 'open' && !fresh.hasAttribute(name)) old.removeAttribute(name)
  }
  let at = old.firstChild
  for (const node of [...fresh.childNodes]) {
    const found = find(at, node)
    if (found) {
      while (at !== found) { const next = at.nextSibling; remove(at); at = next }
      merge(found, node)
      at = found.nextSibling
    } else if (node.id && typedIn(document.getElementById(node.id) ?? node)) {
      outdated()
    } else {
      old.insertBefore(document.importNode(node, true), at)
    }
  }
  while (at) { const next = at.nextSibling; remove(at); at = next }
}

// find looks for the node that becomes like fresh: this one, or a later one with its id.
function find(at, fresh) {
  if (at && same(at, fresh)) return at
  for (let n = at; n && fresh.id; n = n.nextSibling) {
    if (same(n, fresh)) return n
  }
}

// What lasts is counted on here, by the server's clock.
let skew = Date.parse(document.body.dataset.now) - Date.now()

function took(ms) {
  const s = Math.max(0, Math.floor(ms / 1000))
  const two = (n) => String(n).padStart(2, '0')
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`
  return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min`
}

function tick() {
  const now = Date.now() + skew
  for (const e of document.querySelectorAll('[data-since]')) {
    const text = took(now - Date.parse(e.dataset.since))
    if (e.textContent !== text) e.textContent = text
  }
}

// An entry that is only for some answers is shown with those. Without this script its label says so.
function applies() {
  for (const field of document.querySelectorAll('.field[data-when]')) {
    const [name, value] = field.dataset.when.split('=')
    const yes = field.closest('form').elements[`value.${name}`]?.value === value
    field.hidden = !yes
    for (const e of field.querySelectorAll('input, select')) {
      e.disabled = !yes
      e.required = yes && 'insist' in field.dataset
    }
  }
}

document.addEventListener('input', (e) => {
  if (e.target.form) e.target.form.dataset.dirty = ''
  applies()
})
// A form is sent once; the server would refuse it a second time.
document.addEventListener('submit', (e) => {
  if (e.target.dataset.sent !== undefined) e.preventDefault()
  e.target.dataset.sent = ''
})
document.addEventListener('visibilitychange', () => {
  if (document.hidden) { disconnect(); return }
  if (document.body.dataset.events) { update(); connect() }
})
// A link to a step opens what it is folded in.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)))
  for (let e = target; e; e = e.parentElement) if (e.nodeName === 'DETAILS') e.open = true
  if (target) target.scrollIntoView()
}
addEventListener('hashchange', unfold)
unfold()
addEventListener('pagehide', disconnect)
addEventListener('pageshow', (e) => { if (e.persisted) location.reload() })
setInterval(tick, 1000)
tick()
applies()
connect()
