// Puts events into the lists of the page (.pushd-live). What comes in is shown as text, never as markup.
(function () {
  'use strict';

  function link(event) {
    const a = document.createElement('a');
    a.textContent = event.title || event.author || event.url;
    // An address that could run a script is none.
    if (/^https?:/i.test(event.url)) a.href = event.url;
    return a;
  }

  function text(event) {
    const p = document.createElement('p');
    String(event.text || '').split('\n').forEach((line, index) => {
      if (index > 0) p.append(document.createElement('br'));
      p.append(line);
    });
    return p;
  }

  function show(list, event) {
    const id = event.kind + ' ' + event.id;
    const old = Array.from(list.children).find(entry => entry.dataset.id === id);
    const entry = document.createElement('li');
    entry.dataset.id = id;
    entry.append(link(event), text(event));
    if (old) {
      old.replaceWith(entry);
      return;
    }
    entry.className = 'new';
    list.prepend(entry);
    while (list.children.length > Number(list.dataset.max)) list.lastElementChild.remove();
  }

  const lists = document.querySelectorAll('.pushd-live');
  if (lists.length === 0 || typeof Pusher === 'undefined') return;
  const pusher = new Pusher(lists[0].dataset.server);
  lists.forEach(list => {
    pusher.subscribe(list.dataset.topic, event => show(list, event));
    pusher.watch(state => { list.dataset.state = state; });
  });
})();
