// Keeps the lists of the page (.pushd-live) up to date. Events are shown as text, never as markup.
(function () {
  'use strict';

  const LOAD_DELAY_MAX_MS = 30000;
  // Time after a gap. An older pushd does not confirm SUBSCRIBE; by then it has ours.
  const CATCH_UP_MS = 1000;
  const CATCH_UPS_MAX = 5;

  function link(event) {
    const a = document.createElement('a');
    a.textContent = event.title || event.author || event.url;
    // Ignores addresses that could run a script.
    if (/^https?:/i.test(event.url)) a.href = event.url;
    return a;
  }

  function text(event) {
    const p = document.createElement('p');
    String(event.text || '').split('\n').forEach((line, index) => {
      if (index > 0) p.append(document.createElement('br'), '\n');
      p.append(line);
    });
    return p;
  }

  // Whether both entries look the same to a reader.
  function isSame(one, other) {
    const parts = entry => ['a', 'p'].map(name => entry.querySelector(name) || {}).map(part => part.textContent + '\0' + part.href);
    return parts(one).join('\0') === parts(other).join('\0');
  }

  class Feed {
    constructor(list, pusher) {
      this.list = list;
      this.max = Number(list.dataset.max);
      // The ids of the latest entries, shown or not. Every other entry is new.
      this.known = new Set(JSON.parse(list.dataset.known));
      this.knowsAll = this.known.size < this.max;
      this.pushed = new Set();
      pusher.subscribe(list.dataset.topic, event => this.receive(event), {
        // Without a position, such as in a page that was made while pushd was stopped, there is a gap.
        since: list.dataset.since || null,
        gap: () => this.missed(),
      });
      pusher.watch(state => { list.dataset.state = state; });
    }

    entry(event) {
      const id = event.kind + ' ' + event.id;
      return Array.from(this.list.children).find(entry => entry.dataset.id === id);
    }

    show(event) {
      const old = this.entry(event);
      const entry = document.createElement('li');
      entry.dataset.id = event.kind + ' ' + event.id;
      entry.append(link(event), text(event));
      if (old) {
        if (!isSame(old, entry)) old.replaceWith(entry);
        return;
      }
      entry.className = 'new';
      this.list.prepend(entry);
      while (this.list.children.length > this.max) this.list.lastElementChild.remove();
    }

    update(event) {
      if (this.entry(event)) this.show(event);
    }

    receive(event) {
      this.pushed.add(event.id);
      if (event.removed) {
        this.known.delete(event.id);
        const entry = this.entry(event);
        if (entry) entry.remove();
        return;
      }
      this.known.add(event.id);
      if (event.updated) this.update(event);
      else this.show(event);
    }

    // pushd no longer has every event since this page was made, or since its last connection.
    missed() {
      clearTimeout(this.timer);
      // An event that arrives from now on is newer than the site's answer.
      this.pushed.clear();
      this.catchUpSoon(1);
    }

    catchUpSoon(attempt) {
      // A random delay, so that pages do not send their requests at the same moment.
      const delayMs = attempt * (CATCH_UP_MS + Math.random() * pushdLive.spreadMs);
      this.timer = setTimeout(() => this.catchUp(attempt), delayMs);
    }

    async catchUp(attempt) {
      const asked = this.asked = {};
      try {
        const answer = await fetch(this.list.dataset.entries, { cache: 'no-store', credentials: 'omit' });
        if (!answer.ok) throw new Error(String(answer.status));
        const { entries } = await answer.json();
        // Ignores the answer if a later request was sent.
        if (asked === this.asked) this.become(entries.filter(event => !this.pushed.has(event.id)));
      } catch (fault) {
        console.warn('Pushd Live: catching up failed:', fault);
        if (attempt < CATCH_UPS_MAX) this.catchUpSoon(attempt + 1);
      }
    }

    // Makes the list match the site's entries, newest first.
    become(events) {
      const lastKnown = events.map(event => this.known.has(event.id)).lastIndexOf(true);
      // The entries after lastKnown are older. They are in the answer only because others were removed.
      const news = this.knowsAll || lastKnown < 0 ? events : events.slice(0, lastKnown + 1);
      news.slice().reverse().forEach(event => (this.known.has(event.id) ? this.update(event) : this.show(event)));
      const isThere = new Set(events.map(event => event.kind + ' ' + event.id));
      Array.from(this.list.children).forEach(entry => {
        const id = Number(entry.dataset.id.split(' ')[1]);
        // An entry without an id was never stored, so the answer cannot have it.
        if (id > 0 && !this.pushed.has(id) && !isThere.has(entry.dataset.id)) entry.remove();
      });
      events.forEach(event => this.known.add(event.id));
      if (events.length >= this.max) this.knowsAll = false;
    }
  }

  // Loads pusher.js from pushd. pushd may be down, so it tries again.
  function load(lists, attempt) {
    const script = document.createElement('script');
    script.src = pushdLive.server + '/pusher.js';
    script.onload = () => {
      const pusher = new Pusher(pushdLive.server);
      lists.forEach(list => {
        try {
          new Feed(list, pusher);
        } catch (fault) {
          // An author may write a list with this class. It may lack the attributes.
          console.warn('Pushd Live: no feed:', fault);
        }
      });
    };
    script.onerror = () => {
      script.remove();
      setTimeout(load, Math.random() * Math.min(LOAD_DELAY_MAX_MS, 1000 * 2 ** attempt), lists, attempt + 1);
    };
    document.head.append(script);
  }

  const lists = document.querySelectorAll('.pushd-live');
  if (lists.length > 0) load(lists, 0);
})();
