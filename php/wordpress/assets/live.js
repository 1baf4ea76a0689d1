// Keeps the lists of the page (.pushd-live) as the site is. What comes in is shown as text, never as markup.
(function () {
  'use strict';

  const LOAD_DELAY_MAX_MS = 30000;
  // From a connection on: pushd has our SUBSCRIBE by then.
  const CATCH_UP_MS = 1000;
  const CATCH_UPS_MAX = 5;

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
      if (index > 0) p.append(document.createElement('br'), '\n');
      p.append(line);
    });
    return p;
  }

  // Whether a reader would see no difference.
  function isSame(one, other) {
    const parts = entry => ['a', 'p'].map(name => entry.querySelector(name) || {}).map(part => part.textContent + '\0' + part.href);
    return parts(one).join('\0') === parts(other).join('\0');
  }

  class Feed {
    constructor(list, pusher) {
      this.list = list;
      this.max = Number(list.dataset.max);
      // The latest ones, shown or not: whatever comes to these is news.
      this.known = new Set(JSON.parse(list.dataset.known));
      this.knowsAll = this.known.size < this.max;
      this.pushed = new Set();
      pusher.subscribe(list.dataset.topic, event => this.receive(event));
      pusher.watch(state => {
        list.dataset.state = state;
        clearTimeout(this.timer);
        if (state !== 'open') return;
        // What is pushed from now on is newer than what the site will answer.
        this.pushed.clear();
        this.catchUpSoon(1);
      });
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

    catchUpSoon(attempt) {
      // Not all pages in the same moment.
      const delayMs = attempt * (CATCH_UP_MS + Math.random() * pushdLive.spreadMs);
      this.timer = setTimeout(() => this.catchUp(attempt), delayMs);
    }

    async catchUp(attempt) {
      const asked = this.asked = {};
      try {
        const answer = await fetch(this.list.dataset.entries, { cache: 'no-store', credentials: 'omit' });
        if (!answer.ok) throw new Error(String(answer.status));
        const { entries } = await answer.json();
        // Unless it was asked once more.
        if (asked === this.asked) this.become(entries.filter(event => !this.pushed.has(event.id)));
      } catch (fault) {
        console.warn('Pushd Live: catching up failed:', fault);
        if (attempt < CATCH_UPS_MAX) this.catchUpSoon(attempt + 1);
      }
    }

    // Newest first.
    become(events) {
      const lastKnown = events.map(event => this.known.has(event.id)).lastIndexOf(true);
      // What lies behind it has only moved up, as others went.
      const news = this.knowsAll || lastKnown < 0 ? events : events.slice(0, lastKnown + 1);
      news.slice().reverse().forEach(event => (this.known.has(event.id) ? this.update(event) : this.show(event)));
      const isThere = new Set(events.map(event => event.kind + ' ' + event.id));
      Array.from(this.list.children).forEach(entry => {
        const id = Number(entry.dataset.id.split(' ')[1]);
        // What has no number was never stored.
        if (id > 0 && !this.pushed.has(id) && !isThere.has(entry.dataset.id)) entry.remove();
      });
      events.forEach(event => this.known.add(event.id));
      if (events.length >= this.max) this.knowsAll = false;
    }
  }

  // The script comes from pushd, which may be down just now.
  function load(lists, attempt) {
    const script = document.createElement('script');
    script.src = pushdLive.server + '/pusher.js';
    script.onload = () => {
      const pusher = new Pusher(pushdLive.server);
      lists.forEach(list => {
        try {
          new Feed(list, pusher);
        } catch (fault) {
          // Not of our making: an author may write lists of this class, too.
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
