// Line charts over time, as SVG: a time axis, a scale, and the values under the pointer.

const NS = 'http://www.w3.org/2000/svg';
const HEIGHT = 170;
const MARGIN = {left: 46, right: 10, top: 8, bottom: 20};
// Distance of the labels of the time axis, by the length of the window in seconds.
const TICKS_S = [[600, 60], [7200, 600], [172800, 14400]];
// The narrowest distance of two labels, in pixels.
const LABEL_WIDTH = 54;

// Returns the smallest round number that is not below `value`: 1, 2 or 5 times a power of ten, for bytes a power of two.
function scaleMax(value, isBytes) {
  if (value <= 1) return 1;
  if (isBytes) return 2 ** Math.ceil(Math.log2(value));
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(factor => factor * power).find(max => max >= value);
}

function draw(parent, tag, attributes, text) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

const clock = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', hour12: false});
const exact = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false});

export class Chart {
  // `svg` is in a positioned element with an empty `.tip`. `value` returns the text of a number, `describe` that of a step.
  constructor(svg, {isBytes = false, value, describe}) {
    Object.assign(this, {svg, isBytes, value, describe, data: null, cursor: null});
    this.tip = svg.parentElement.querySelector('.tip');
    svg.addEventListener('pointermove', event => this.point(event));
    svg.addEventListener('pointerdown', event => this.point(event));
    svg.addEventListener('pointerleave', () => this.select(null));
    svg.addEventListener('blur', () => this.select(null));
    svg.addEventListener('keydown', event => this.key(event));
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  // `values` has one number for each step, the oldest first. The last step ends at `endMs`, and took `lastS` seconds.
  update({values, stepS, stepsMax, lastS, endMs, step}) {
    this.data = {values, stepS, stepsMax, lastS, endMs, step};
    this.draw();
  }

  // Returns the end of a step, in ms.
  time(index) {
    const {values, stepS, lastS, endMs} = this.data;
    const behind = values.length - 1 - index;
    return behind ? endMs - (lastS + (behind - 1) * stepS) * 1000 : endMs;
  }

  x(ms) {
    const {stepS, stepsMax, endMs} = this.data;
    const left = (endMs - ms) / (stepS * stepsMax * 1000);
    return this.width - MARGIN.right - left * (this.width - MARGIN.left - MARGIN.right);
  }

  y(value) {
    return HEIGHT - MARGIN.bottom - (value / this.max) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  }

  draw() {
    this.width = this.svg.clientWidth;
    if (!this.data || !this.width) return;
    const {values} = this.data;
    this.max = scaleMax(Math.max(0, ...values), this.isBytes);
    this.svg.setAttribute('viewBox', `0 0 ${this.width} ${HEIGHT}`);
    this.svg.replaceChildren();
    this.drawScale();
    this.drawTimes();
    if (values.length) this.drawLine();
    this.drawCursor();
  }

  drawScale() {
    // One byte has no half.
    const values = this.isBytes && this.max === 1 ? [0, 1] : [0, this.max / 2, this.max];
    for (const value of values) {
      const y = this.y(value);
      draw(this.svg, 'line', {class: 'grid', x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y, y2: y});
      draw(this.svg, 'text', {class: 'scale', x: MARGIN.left - 6, y: y + 4}, this.value(value));
    }
  }

  drawTimes() {
    const {stepS, stepsMax, endMs} = this.data;
    const windowS = stepS * stepsMax;
    const room = (this.width - MARGIN.left - MARGIN.right) / LABEL_WIDTH;
    let tickS = TICKS_S.find(([maxS]) => windowS <= maxS)[1];
    while (windowS / tickS > room) tickS *= 2;
    // Round times of the reader's clock.
    const offsetMs = new Date(endMs).getTimezoneOffset() * 60000;
    const first = Math.ceil((endMs - offsetMs - windowS * 1000) / (tickS * 1000));
    for (let tick = first; tick * tickS * 1000 <= endMs - offsetMs; tick += 1) {
      const ms = tick * tickS * 1000 + offsetMs;
      const x = this.x(ms);
      if (x < MARGIN.left + 16 || x > this.width - MARGIN.right - 14) continue;
      draw(this.svg, 'line', {class: 'tick', x1: x, x2: x, y1: HEIGHT - MARGIN.bottom, y2: HEIGHT - MARGIN.bottom + 4});
      draw(this.svg, 'text', {class: 'time', x, y: HEIGHT - 4}, clock.format(ms));
    }
  }

  drawLine() {
    const {values} = this.data;
    const points = values.map((value, i) => `${this.x(this.time(i)).toFixed(1)},${this.y(value).toFixed(1)}`);
    const [first, last] = [this.x(this.time(0)), this.x(this.time(values.length - 1))];
    const line = points.length > 1 ? points.join(' L') : `${points[0]} L${points[0]}`;
    draw(this.svg, 'path', {class: 'area', d: `M${first},${this.y(0)} L${line} L${last},${this.y(0)} Z`});
    draw(this.svg, 'path', {class: 'line', d: `M${line}`});
  }

  // ---- The values under the pointer

  point(event) {
    if (!this.data) return;
    const {values} = this.data;
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    let nearest = null;
    for (let i = 0; i < values.length; i += 1) {
      const distance = Math.abs(this.x(this.time(i)) - x);
      if (nearest === null || distance < nearest.distance) nearest = {i, distance};
    }
    this.select(nearest && values.length - 1 - nearest.i);
  }

  key(event) {
    const by = {ArrowLeft: 1, ArrowRight: -1}[event.key];
    if (!by || !this.data?.values.length) return;
    event.preventDefault();
    const last = this.data.values.length - 1;
    this.select(this.cursor === null ? 0 : Math.min(last, Math.max(0, this.cursor + by)));
  }

  // Selects a step, by the number of steps behind it.
  select(behind) {
    this.cursor = behind;
    this.draw();
  }

  drawCursor() {
    const {values, step} = this.data;
    const i = this.cursor === null ? -1 : values.length - 1 - this.cursor;
    this.tip.hidden = i < 0;
    if (i < 0) return;
    const [x, y] = [this.x(this.time(i)), this.y(values[i])];
    draw(this.svg, 'line', {class: 'cursor', x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom});
    draw(this.svg, 'circle', {class: 'dot', cx: x, cy: y, r: 3.5});
    this.tip.textContent = `${exact.format(this.time(i))}  ${this.describe(step(i))}`;
    const half = this.tip.offsetWidth / 2;
    const centre = Math.min(this.width - half, Math.max(half, x));
    const left = this.svg.getBoundingClientRect().left - this.svg.parentElement.getBoundingClientRect().left;
    this.tip.style.left = `${left + centre - half}px`;
  }
}
