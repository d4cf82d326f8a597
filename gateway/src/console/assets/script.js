// Reads the page again every two seconds and puts what has changed in its place; knows a few keys. Everything works
// without it, but one has to reload.
'use strict';

const PERIOD = 2000;
const say = (text) => {
  const state = document.getElementById('state');
  if (state.textContent !== text) state.textContent = text;
};

// What somebody has done to a region survives its replacement: the focus, checked boxes, what is folded open.
const replace = (old, fresh) => {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const checked = [...old.querySelectorAll('input:checked')].map((box) => box.id);
  const open = [...old.querySelectorAll('details[open]')].map((details) => details.id);
  old.replaceChildren(...fresh.childNodes);
  for (const id of checked) {
    const box = document.getElementById(id);
    if (box) box.checked = true;
  }
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  if (!focused) return;
  const same = (found) => focused.id ? found.id === focused.id
    : found.tagName === focused.tagName && found.getAttribute('href') === focused.getAttribute('href')
      && found.value === focused.value && found.closest('details')?.id === focused.closest('details')?.id;
  [...old.querySelectorAll('a, button, input, summary')].find(same)?.focus({ preventScroll: true });
};

const regions = () => document.querySelectorAll('[data-live]');
let stopped = false;
// As the server sent each region last, which is not how it looks since somebody has used it.
const sent = new Map();

const refresh = async () => {
  const selecting = !getSelection().isCollapsed;
  if (stopped || document.hidden || selecting || regions().length === 0) return;
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } }).catch(() => null);
  if (stopped) return;
  if (answer?.status === 401 || answer?.status === 403) return location.reload();
  if (!answer?.ok) return say(document.body.dataset.lost);
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const region of regions()) {
    const replacement = fresh.getElementById(region.id);
    if (!replacement || sent.get(region.id) === replacement.innerHTML) continue;
    sent.set(region.id, replacement.innerHTML);
    replace(region, replacement);
  }
  say('');
};

const again = async () => {
  await refresh();
  setTimeout(again, PERIOD);
};
setTimeout(again, PERIOD);
document.addEventListener('visibilitychange', refresh);

const pause = document.getElementById('pause');
if (pause && regions().length > 0) {
  pause.hidden = false;
  pause.addEventListener('click', () => {
    stopped = !stopped;
    pause.setAttribute('aria-pressed', stopped);
    say(stopped ? document.body.dataset.stopped : document.body.dataset.liveAgain);
  });
}

// What happened is told once, and not again when the page is reloaded.
const here = new URL(location.href);
if (here.searchParams.has('notice')) {
  for (const name of ['notice', 'done', 'missing', 'failed']) here.searchParams.delete(name);
  history.replaceState(null, '', here);
}

const renew = document.getElementById('renew');
if (renew) {
  renew.hidden = false;
  renew.addEventListener('click', async () => {
    await fetch('/v1/auth/refresh', { method: 'POST' });
    location.reload();
  });
}

const help = document.getElementById('help');
if (help) {
  const opener = document.getElementById('help-open');
  opener.hidden = false;
  opener.addEventListener('click', () => help.showModal());
}

let leads = false;
document.addEventListener('keydown', (event) => {
  const writes = event.target.closest?.('input:not([type=checkbox]), select, textarea');
  if (writes || !help || help.open || event.ctrlKey || event.altKey || event.metaKey) return;
  const section = leads && document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
  leads = event.key === 'g';
  if (section) return section.click();
  if (event.key === '/') document.getElementById('search').focus();
  else if (event.key === '?') help.showModal();
  else return;
  event.preventDefault();
});
