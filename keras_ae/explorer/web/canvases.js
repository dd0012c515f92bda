// Two elements that both pages share. <latent-pad>: a plane of the latent space in which a point
// is dragged. <sketch-pad>: a sheet to draw on. Pictures are dark ink on white paper.
// A plain script, not a module: the elements must exist before they are given properties.
"use strict";

const ACCENT = "#0077bb", MARK = "#ee7733", PAPER = "white", INK = "black";

class LatentPad extends HTMLElement {
  // Properties: map (see Scene.map in scene.py), manifold (a data URL instead of the map's),
  // view ("manifold", or the name of one of the map's groups), position [x, y],
  // mark [x, y] or null. Method set(properties).
  // Event "move": detail is the new position, at most once a frame.
  #map = null; #view = "manifold"; #position = [0, 0]; #mark = null; #image = null;
  #dragged = false; #told = null; #backdrop = null;

  connectedCallback() {
    if (this.canvas) return;
    this.canvas = this.appendChild(document.createElement("canvas"));
    this.tabIndex = 0;
    this.setAttribute("role", "application");
    this.setAttribute("aria-label", "latent space: drag the point, or use the arrow keys");
    this.addEventListener("pointerdown", (event) => {
      if (!this.#map) return;
      this.#dragged = true;
      this.setPointerCapture(event.pointerId);
      this.#moveTo(event);
    });
    this.addEventListener("pointermove", (event) => this.#dragged && this.#moveTo(event));
    for (const end of ["pointerup", "pointercancel"])
      this.addEventListener(end, () => (this.#dragged = false));
    this.addEventListener("keydown", (event) => this.#step(event));
    new ResizeObserver(() => this.#draw(true)).observe(this);
  }

  set map(map) {
    this.#map = map;
    this.#dragged = false;
    this.#image = null;
    if (map) this.manifold = map.manifold;
    this.#draw(true);
  }
  get map() { return this.#map; }
  set manifold(url) {
    const image = new Image(), map = this.#map;
    image.onload = () => {
      if (map !== this.#map) return;
      this.#image = image;
      this.#draw(true);
    };
    image.src = url;
  }
  set view(view) { this.#view = view; this.#draw(true); }
  get view() { return this.#view; }
  set position(position) {
    if (this.#dragged || !position) return; // what the page says while the hand moves is late
    this.#position = position;
    this.#draw();
  }
  get position() { return this.#position; }
  set mark(mark) { this.#mark = mark; this.#draw(); }
  get mark() { return this.#mark; }

  set(properties) { Object.assign(this, properties); }

  #step(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = steps[event.key];
    if (!step || !this.#map) return;
    event.preventDefault();
    const { low, high } = this.#map;
    this.#go(this.#position.map((value, i) => value + (step[i] * (high[i] - low[i])) / 50));
  }

  #moveTo(event) {
    const box = this.getBoundingClientRect(), { low, high } = this.#map;
    const x = (event.clientX - box.left) / box.width;
    const y = 1 - (event.clientY - box.top) / box.height;
    this.#go([low[0] + x * (high[0] - low[0]), low[1] + y * (high[1] - low[1])]);
  }

  #go(position) {
    const { low, high } = this.#map;
    this.#position = position.map((value, i) => Math.min(Math.max(value, low[i]), high[i]));
    this.#draw();
    if (!this.#told)
      this.#told = requestAnimationFrame(() => {
        this.#told = null;
        this.dispatchEvent(new CustomEvent("move", { detail: this.#position }));
      });
  }

  #place([x, y]) {
    const { low, high } = this.#map, { width, height } = this.canvas;
    return [
      ((x - low[0]) / (high[0] - low[0])) * width,
      (1 - (y - low[1]) / (high[1] - low[1])) * height,
    ];
  }

  #draw(again = false) {
    if (!this.canvas || !this.#map || !this.clientWidth) return;
    const scale = devicePixelRatio || 1, side = Math.round(this.clientWidth * scale);
    if (again || this.canvas.width !== side) {
      this.canvas.width = this.canvas.height = side;
      this.#backdrop = this.#drawBackdrop(side, scale);
    }
    const context = this.canvas.getContext("2d");
    context.drawImage(this.#backdrop, 0, 0);
    if (this.#mark) this.#drawMark(context, side, scale);
    context.beginPath();
    context.arc(...this.#place(this.#position), 9 * scale, 0, 2 * Math.PI);
    for (const [width, colour] of [[7, PAPER], [4, ACCENT]]) {
      context.lineWidth = width * scale;
      context.strokeStyle = colour;
      context.stroke();
    }
  }

  #drawMark(context, side, scale) {
    const edge = 8 * scale;
    const [x, y] = this.#place(this.#mark).map((at) => Math.min(Math.max(at, edge), side - edge));
    context.beginPath();
    for (const [dx, dy] of [[0, -9], [9, 0], [0, 9], [-9, 0]])
      context.lineTo(x + dx * scale, y + dy * scale);
    context.closePath();
    context.fillStyle = MARK;
    context.fill();
    context.lineWidth = 2 * scale;
    context.strokeStyle = PAPER;
    context.stroke();
  }

  #drawBackdrop(side, scale) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d"), group = this.#map.groups[this.#view];
    context.fillStyle = PAPER;
    context.fillRect(0, 0, side, side);
    if (group) this.#drawCodes(context, scale, group);
    else if (this.#image) context.drawImage(this.#image, 0, 0, side, side);
    return canvas;
  }

  #drawCodes(context, scale, { of, labels, colours }) {
    context.globalAlpha = 0.6;
    this.#map.points.forEach((point, i) => {
      context.fillStyle = colours[of[i]];
      context.beginPath();
      context.arc(...this.#place(point), 2.5 * scale, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
    context.font = `bold ${13 * scale}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    labels.forEach(([x, y, name], i) => {
      const [left, top] = this.#place([x, y]);
      context.beginPath();
      context.arc(left, top, 11 * scale, 0, 2 * Math.PI);
      context.fillStyle = PAPER;
      context.fill();
      context.lineWidth = 2 * scale;
      context.strokeStyle = colours[i];
      context.stroke();
      context.fillStyle = "#333";
      context.fillText(name, left, top);
    });
  }
}

class SketchPad extends HTMLElement {
  // Properties: size [height, width] of the model's images; fit: whether a drawing is moved and
  // scaled to where MNIST has its digits; strokes: whether the pen's way is told, not an image.
  // Methods: set(properties), clear(), show(url).
  // Event "sketch", at most once a frame: detail is the image, height * width integers from 0
  // (paper) to 255 (ink), or {strokes: lists of points [x, y], 0 to 1, y downwards}.
  static SCALE = 10;
  size = [28, 28]; fit = false; strokes = false;
  #last = null; #told = null; #drawn = false; #lines = [];

  connectedCallback() {
    if (this.canvas) return;
    this.canvas = this.appendChild(document.createElement("canvas"));
    this.hint = this.appendChild(document.createElement("span"));
    this.hint.textContent = "Draw here";
    this.setAttribute("role", "img");
    this.setAttribute("aria-label", "a sheet to draw on");
    this.clear();
    this.addEventListener("pointerdown", (event) => this.#begin(event));
    this.addEventListener("pointermove", (event) => this.#last && this.#line(this.#place(event)));
    for (const end of ["pointerup", "pointercancel"])
      this.addEventListener(end, () => (this.#last = null));
  }

  set(properties) {
    const before = String([this.size, this.strokes]);
    Object.assign(this, properties);
    if (String([this.size, this.strokes]) !== before) this.clear();
  }

  clear() {
    const { canvas } = this, context = this.#context();
    [canvas.height, canvas.width] = this.size.map((length) => length * SketchPad.SCALE);
    context.fillStyle = PAPER;
    context.fillRect(0, 0, canvas.width, canvas.height);
    this.#drawn = false;
    this.#lines = [];
    this.hint.hidden = false;
  }

  show(url) {
    const image = new Image();
    image.onload = () => {
      this.clear();
      this.hint.hidden = true;
      this.#context().imageSmoothingEnabled = false;
      this.#context().drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
    };
    image.src = url;
  }

  #context() { return this.canvas.getContext("2d", { willReadFrequently: true }); }

  #place(event) {
    const box = this.getBoundingClientRect(), { width, height } = this.canvas;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return [(x / box.width) * width, (y / box.height) * height];
  }

  #begin(event) {
    // A drawing is fitted, or told as strokes; a picture is not: they do not mix.
    if (!this.#drawn && (this.fit || this.strokes)) this.clear();
    this.#drawn = true;
    this.setPointerCapture(event.pointerId);
    this.#last = this.#place(event);
    this.#lines.push([]);
    this.#line(this.#last);
  }

  #line(to) {
    const context = this.#context(), { width, height } = this.canvas;
    this.hint.hidden = true;
    context.strokeStyle = INK;
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = (this.strokes ? 0.03 : 0.075) * width; // the pen of MNIST is wide
    context.beginPath();
    context.moveTo(...this.#last);
    context.lineTo(...to);
    context.stroke();
    this.#last = to;
    this.#lines.at(-1).push([to[0] / width, to[1] / height]);
    if (!this.#told)
      this.#told = requestAnimationFrame(() => {
        this.#told = null;
        const detail = this.strokes ? { strokes: this.#lines } : this.#pixels();
        this.dispatchEvent(new CustomEvent("sketch", { detail }));
      });
  }

  #pixels() {
    const [height, width] = this.size;
    return this.#ink(this.fit ? this.#fitted() : this.canvas, width, height);
  }

  // As MNIST was made: the ink in a box of 20 of 28 pixels, its centre of mass in the middle.
  #fitted() {
    const { width, height } = this.canvas, ink = this.#ink(this.canvas, width, height);
    let left = width, right = 0, top = height, bottom = 0, mass = 0, x = 0, y = 0;
    ink.forEach((value, i) => {
      if (!value) return;
      const column = i % width, row = (i - column) / width;
      [left, right] = [Math.min(left, column), Math.max(right, column)];
      [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
      mass += value;
      x += value * (column + 0.5);
      y += value * (row + 0.5);
    });
    if (!mass) return this.canvas;
    const box = Math.max(right - left + 1, bottom - top + 1);
    const zoom = ((20 / 28) * Math.min(width, height)) / box;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = PAPER;
    context.fillRect(0, 0, width, height);
    const [right_, down] = [width / 2 - (zoom * x) / mass, height / 2 - (zoom * y) / mass];
    context.setTransform(zoom, 0, 0, zoom, right_, down);
    context.drawImage(this.canvas, 0, 0);
    return canvas;
  }

  // How dark a canvas is, 0 to 255, from its red channel. Each pixel is the mean of those that it
  // covers: Chromium's own shrinking leaves some out.
  #ink(canvas, width, height) {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const [across, down] = [canvas.width / width, canvas.height / height];
    const ink = new Array(width * height);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        let sum = 0;
        for (let i = 0; i < down; i++)
          for (let j = 0; j < across; j++)
            sum += data[4 * ((row * down + i) * canvas.width + column * across + j)];
        ink[row * width + column] = 255 - Math.round(sum / (across * down));
      }
    return ink;
  }
}

customElements.define("latent-pad", LatentPad);
customElements.define("sketch-pad", SketchPad);
