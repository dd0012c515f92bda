// Two elements that both pages share. <latent-pad>: a plane of the latent space in which a point is dragged.
// <sketch-pad>: an image to draw on. A plain script, not a module: the elements must exist before they are given properties.
"use strict";

const ACCENT = "#0077bb", MARK = "#ee7733";

class LatentPad extends HTMLElement {
  // Properties: map (see Scene.map in scene.py), view ("manifold" or "codes"), position [x, y], mark [x, y] or null.
  // Method set(properties). Event "move": detail is the new position, at most once a frame.
  #map = null; #view = "manifold"; #position = [0, 0]; #mark = null; #dragged = false; #told = null; #backdrop = null; #manifold = null;

  connectedCallback() {
    if (this.canvas) return;
    this.canvas = this.appendChild(document.createElement("canvas"));
    this.tabIndex = 0;
    this.setAttribute("role", "application");
    this.setAttribute("aria-label", "latent space: drag the point, or use the arrow keys");
    this.addEventListener("pointerdown", (event) => {
      this.#dragged = true;
      this.setPointerCapture(event.pointerId);
      this.#moveTo(event);
    });
    this.addEventListener("pointermove", (event) => this.#dragged && this.#moveTo(event));
    for (const end of ["pointerup", "pointercancel"]) this.addEventListener(end, () => (this.#dragged = false));
    this.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!step || !this.#map) return;
      event.preventDefault();
      this.#go(this.#position.map((value, i) => value + (step[i] * (this.#map.high[i] - this.#map.low[i])) / 50));
    });
    new ResizeObserver(() => this.#draw(true)).observe(this);
  }

  set map(map) {
    this.#map = map;
    this.#manifold = null;
    if (map) {
      const image = new Image();
      image.onload = () => map === this.#map && ((this.#manifold = image), this.#draw(true));
      image.src = map.manifold;
    }
    this.#draw(true);
  }
  get map() { return this.#map; }
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

  #moveTo(event) {
    const box = this.getBoundingClientRect(), { low, high } = this.#map;
    const x = (event.clientX - box.left) / box.width, y = 1 - (event.clientY - box.top) / box.height;
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
    return [((x - low[0]) / (high[0] - low[0])) * width, (1 - (y - low[1]) / (high[1] - low[1])) * height];
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
    if (this.#mark) {
      const [x, y] = this.#place(this.#mark).map((value) => Math.min(Math.max(value, 8 * scale), side - 8 * scale));
      context.beginPath();
      for (const [dx, dy] of [[0, -9], [9, 0], [0, 9], [-9, 0]]) context.lineTo(x + dx * scale, y + dy * scale);
      context.closePath();
      this.#stroked(context, MARK, scale, true);
    }
    context.beginPath();
    context.arc(...this.#place(this.#position), 9 * scale, 0, 2 * Math.PI);
    this.#stroked(context, ACCENT, scale, false);
  }

  #stroked(context, colour, scale, filled) {
    if (filled) { context.fillStyle = colour; context.fill(); }
    context.lineWidth = (filled ? 2 : 7) * scale;
    context.strokeStyle = "white";
    context.stroke();
    if (filled) return;
    context.lineWidth = 4 * scale;
    context.strokeStyle = colour;
    context.stroke();
  }

  #drawBackdrop(side, scale) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.fillStyle = this.#view === "manifold" ? "black" : "white";
    context.fillRect(0, 0, side, side);
    if (this.#view === "manifold") {
      if (this.#manifold) context.drawImage(this.#manifold, 0, 0, side, side);
      return canvas;
    }
    context.globalAlpha = 0.6;
    for (const [x, y, of] of this.#map.points) {
      context.fillStyle = this.#map.colours[of];
      context.beginPath();
      context.arc(...this.#place([x, y]), 2.5 * scale, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
    context.font = `bold ${13 * scale}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    this.#map.labels.forEach(([x, y, name], i) => {
      const [left, top] = this.#place([x, y]);
      context.beginPath();
      context.arc(left, top, 11 * scale, 0, 2 * Math.PI);
      context.fillStyle = "white";
      context.fill();
      context.lineWidth = 2 * scale;
      context.strokeStyle = this.#map.colours[i];
      context.stroke();
      context.fillStyle = "#333";
      context.fillText(name, left, top);
    });
    return canvas;
  }
}

class SketchPad extends HTMLElement {
  // Properties: size [height, width] of the model's images; fit: whether a drawing is moved and scaled to where MNIST has its digits.
  // Methods: set(properties), clear(), show(url). Event "sketch": detail is the grey image, height * width integers 0-255, at most once a frame.
  static SCALE = 10;
  size = [28, 28]; fit = false; #last = null; #told = null; #drawn = false;

  connectedCallback() {
    if (this.canvas) return;
    this.canvas = this.appendChild(document.createElement("canvas"));
    this.hint = this.appendChild(document.createElement("span"));
    this.hint.textContent = "Draw here";
    this.setAttribute("aria-label", "an image to draw on");
    this.clear();
    this.addEventListener("pointerdown", (event) => {
      if (!this.#drawn && this.fit) this.clear(); // a drawing is fitted, a picture is not: they do not mix
      this.#drawn = true;
      this.setPointerCapture(event.pointerId);
      this.#last = this.#place(event);
      this.#line(this.#last);
    });
    this.addEventListener("pointermove", (event) => this.#last && this.#line(this.#place(event)));
    for (const end of ["pointerup", "pointercancel"]) this.addEventListener(end, () => (this.#last = null));
  }

  set(properties) {
    const before = String(this.size);
    Object.assign(this, properties);
    if (String(this.size) !== before) this.clear();
  }

  clear() {
    [this.canvas.height, this.canvas.width] = this.size.map((length) => length * SketchPad.SCALE); // which makes it black
    this.#context().fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.#drawn = false;
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
    const box = this.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.canvas.width, ((event.clientY - box.top) / box.height) * this.canvas.height];
  }

  #line(to) {
    const context = this.#context();
    this.hint.hidden = true;
    context.strokeStyle = "white";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = 0.075 * this.canvas.width; // about the pen of MNIST
    context.beginPath();
    context.moveTo(...this.#last);
    context.lineTo(...to);
    context.stroke();
    this.#last = to;
    if (!this.#told)
      this.#told = requestAnimationFrame(() => {
        this.#told = null;
        this.dispatchEvent(new CustomEvent("sketch", { detail: this.#pixels() }));
      });
  }

  #pixels() {
    const [height, width] = this.size;
    return this.#grey(this.fit ? this.#fitted() : this.canvas, width, height);
  }

  // As MNIST was made: the ink in a box of 20 of 28 pixels, its centre of mass in the middle.
  #fitted() {
    const { width, height } = this.canvas, ink = this.#grey(this.canvas, width, height);
    let left = width, right = 0, top = height, bottom = 0, mass = 0, x = 0, y = 0;
    ink.forEach((value, i) => {
      if (!value) return;
      const column = i % width, row = (i - column) / width;
      [left, right, top, bottom] = [Math.min(left, column), Math.max(right, column), Math.min(top, row), Math.max(bottom, row)];
      [mass, x, y] = [mass + value, x + value * (column + 0.5), y + value * (row + 0.5)];
    });
    if (!mass) return this.canvas;
    const zoom = ((20 / 28) * Math.min(width, height)) / Math.max(right - left + 1, bottom - top + 1);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillRect(0, 0, width, height);
    context.setTransform(zoom, 0, 0, zoom, width / 2 - (zoom * x) / mass, height / 2 - (zoom * y) / mass);
    context.drawImage(this.canvas, 0, 0);
    return canvas;
  }

  // The red channel of a canvas, each pixel the mean of those that it covers: Chromium's own shrinking leaves some out.
  #grey(canvas, width, height) {
    const data = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height).data;
    const [across, down] = [canvas.width / width, canvas.height / height];
    const grey = new Array(width * height);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        let sum = 0;
        for (let i = 0; i < down; i++)
          for (let j = 0; j < across; j++) sum += data[4 * ((row * down + i) * canvas.width + column * across + j)];
        grey[row * width + column] = Math.round(sum / (across * down));
      }
    return grey;
  }
}

customElements.define("latent-pad", LatentPad);
customElements.define("sketch-pad", SketchPad);
