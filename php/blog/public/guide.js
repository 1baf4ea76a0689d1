// The panel at the top: the second window, and the lines of code.

import { $, settings } from './page.js';

// The two names of this machine. A browser keeps separate cookies for them.
const OTHER_NAME = { '127.0.0.1': 'localhost', localhost: '127.0.0.1' };

const link = $('#second-window');

/** Shows a category in the panel. */
export function showGuide(category) {
  const url = new URL('./?' + new URLSearchParams({ category }), location.href);
  const otherName = OTHER_NAME[location.hostname];
  // pushd accepts pages of its own host.
  const isOtherReader = otherName !== undefined && new URL(settings.pushUrl).hostname === location.hostname;
  if (isOtherReader) url.hostname = otherName;
  $('#other-reader').hidden = !isOtherReader;
  link.href = url.href;
  document.querySelectorAll('.topic').forEach((topic) => { topic.textContent = category; });
}

/** Opens a window beside this one. A browser without windows, as on a phone, opens a tab. */
function openBeside(click) {
  if (click.button || click.ctrlKey || click.metaKey || click.shiftKey) return;
  click.preventDefault();
  const width = Math.round(screen.availWidth / 2);
  window.open(link.href, '_blank', `noopener,popup,left=${width},top=0,width=${width},height=${screen.availHeight}`);
}

link.addEventListener('click', openBeside);
