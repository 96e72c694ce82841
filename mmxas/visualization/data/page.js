'use strict';
// Shows the poses of <script id="poses">: see mmxas/visualization/page.py for what they hold.

const $ = id => document.getElementById(id);
const {skeleton, frames} = JSON.parse($('poses').textContent);
const instances = frames.flatMap(frame => frame.instances);
const tracked = instances.some(one => one.identity !== null);
const timed = frames.every(frame => frame.time !== null);
const numbers = [...new Set(instances.map(one => one.number))].sort((a, b) => a - b);
const mostHypotheses = Math.max(0, ...instances.map(one => one.hypotheses.length));
const PATH = 'path';  // of the hypotheses that were chosen over time, keypoint by keypoint
const hasPath = instances.some(one => one.path);
const PHOTOS_PER_SECOND = 2;  // where frames have no time
const FONT = '11px ' + getComputedStyle(document.body).fontFamily;

const state = {frame: 0, hypothesis: hasPath ? PATH : 0, body: numbers[0], playing: false};
let colors = {};

function instanceIn(frame) {
  const found = frame.instances.find(one => one.number === state.body);
  return found || (tracked ? undefined : frame.instances[0]);
}

// What can be chosen: the hypotheses, and after them the path.
for (const one of instances) {
  one.choices = [...one.hypotheses];
  if (!one.path) continue;
  const pick = rows => one.path.map((choice, keypoint) => rows[Math.max(0, choice)][keypoint]);
  const [depth, scores, own] = ['depth', 'scores', 'valid'].map(key => pick(one.hypotheses.map(pose => pose[key])));
  const valid = own.map((flag, keypoint) => one.path[keypoint] < 0 ? 0 : flag);
  const score = scores.reduce((sum, each, keypoint) => sum + each * valid[keypoint], 0) / scores.length;
  one.choices.push({score, counts: true, depth, scores, valid});
  one.camera?.push(pick(one.camera));
}

function chosenOf(one) {
  if (state.hypothesis !== PATH) return Math.min(state.hypothesis, one.hypotheses.length - 1);
  return one.path ? one.hypotheses.length : 0;
}

function chosenPose(one) {
  return one.choices[chosenOf(one)];
}

function sideOfLink([a, b]) {
  return [skeleton.sides[a], skeleton.sides[b]].find(side => side !== 'middle') || 'middle';
}

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(part * (sorted.length - 1))];
}

// A canvas cleared and scaled, so that one unit is one CSS pixel.
function begin(canvas) {
  const {clientWidth: width, clientHeight: height} = canvas, ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext('2d');
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = FONT;
  return {pen, width, height};
}

// ---- the image and the keypoints on it

const decoded = new Map();
let asked = 0, painted = 0;
let placed = {scale: 1, left: 0, top: 0};

function imageOf(index) {
  if (!frames[index]?.image) return Promise.resolve(null);
  if (!decoded.has(index)) {
    const image = new Image();
    image.src = frames[index].image;
    decoded.set(index, image.decode().then(() => image));
    if (decoded.size > 40) decoded.delete(decoded.keys().next().value);
  }
  return decoded.get(index);
}

async function drawImage() {
  const ticket = ++asked, index = state.frame;
  const image = await imageOf(index);
  if (ticket < painted) return;  // a later frame was quicker
  painted = ticket;
  paintImage(image, frames[index]);
  for (let ahead = 1; state.playing && ahead < 6; ahead++) imageOf(index + ahead);
}

function paintImage(image, frame) {
  const {pen, width, height} = begin($('image'));
  const scale = Math.min(width / frame.size[0], height / frame.size[1]);
  const left = (width - scale * frame.size[0]) / 2, top = (height - scale * frame.size[1]) / 2;
  placed = {scale, left, top};
  if (image) {
    pen.drawImage(image, left, top, scale * frame.size[0], scale * frame.size[1]);
  } else {
    pen.strokeStyle = colors.line;
    pen.strokeRect(left + .5, top + .5, scale * frame.size[0] - 1, scale * frame.size[1] - 1);
    pen.fillStyle = colors.faint;
    pen.fillText('without its image', left + 10, top + 20);
  }
  const chosen = instanceIn(frame);
  for (const one of [...frame.instances.filter(each => each !== chosen), ...(chosen ? [chosen] : [])]) {
    pen.globalAlpha = one === chosen ? 1 : .5;
    drawOverlay(pen, one, ([x, y]) => [left + scale * x, top + scale * y]);
  }
  pen.globalAlpha = 1;
}

function drawOverlay(pen, one, place) {
  const points = one.xy.map(place), tall = Math.hypot(...one.box.slice(2).map((end, i) => end - one.box[i])) * placed.scale;
  const wide = Math.max(1.5, Math.min(4, tall / 90));
  const [x0, y0] = place(one.box), [x1, y1] = place(one.box.slice(2));
  for (const [width, color] of [[3, '#0008'], [1, '#fff']]) {
    pen.lineWidth = width;
    pen.strokeStyle = color;
    pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  pen.lineCap = 'round';
  for (const halo of [true, false]) {
    pen.lineWidth = halo ? wide + 2 : wide;
    for (const link of skeleton.links) {
      pen.strokeStyle = halo ? '#fff' : colors.onImage[sideOfLink(link)];
      pen.beginPath();
      pen.moveTo(...points[link[0]]);
      pen.lineTo(...points[link[1]]);
      pen.stroke();
    }
  }
  points.forEach((point, index) => dot(pen, ...point, wide * .9 + 1, colors.onImage[skeleton.sides[index]], '#fff'));
  if (numbers.length > 1) {
    const text = nameOf(one.number);
    pen.fillStyle = '#000a';
    pen.fillRect(x0, Math.max(0, y0 - 18), pen.measureText(text).width + 10, 18);
    pen.fillStyle = '#fff';
    pen.fillText(text, x0 + 5, Math.max(13, y0 - 5));
  }
}

function dot(pen, x, y, radius, fill, edge) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = fill;
  pen.fill();
  pen.lineWidth = 1.2;
  pen.strokeStyle = edge;
  pen.stroke();
}

function nameOf(number) {
  return String(tracked ? number : number + 1);
}

// ---- the pose in 3D: x right, y up, z towards the viewer; one unit is the crop's side, or a metre

function pointsOf(one, hypothesis) {
  if (one.camera) return one.camera[hypothesis];
  return one.xy.map(([x, y], index) => [x, y, one.choices[hypothesis].depth[index] * one.side]);
}

// All choices around the centre of the first.
function posesOf(one) {
  const first = pointsOf(one, 0), unit = one.camera ? 1000 : one.side;
  const centre = [0, 1, 2].map(axis => first.reduce((sum, point) => sum + point[axis], 0) / first.length);
  return one.choices.map((_, hypothesis) => pointsOf(one, hypothesis).map(
    ([x, y, z]) => new THREE.Vector3(x - centre[0], centre[1] - y, centre[2] - z).divideScalar(unit)));
}

class Space {
  constructor(canvas) {
    this.canvas = canvas;
    this.renderer = new THREE.WebGLRenderer({canvas, antialias: true, alpha: true});
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(30, 1, .01, 100);
    this.scene.add(new THREE.HemisphereLight('#fff', '#888', 2), this.camera);
    const sun = new THREE.DirectionalLight('#fff', 1.2);
    sun.position.set(1, 2, 2);
    this.camera.add(sun);
    const poses = instances.map(one => posesOf(one)[0]);
    this.radius = poses.length ? quantile(poses.map(pose => Math.max(...pose.map(point => point.length()))), .9) : 1;
    this.floor = poses.length ? quantile(poses.map(pose => Math.min(...pose.map(point => point.y))), .1) : -1;
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    this.controls.enablePan = false;
    this.controls.minDistance = this.radius;
    this.controls.maxDistance = 12 * this.radius;
    this.controls.addEventListener('change', () => this.render());
    this.stick = new THREE.CylinderGeometry(1, 1, 1, 12);
    this.ball = new THREE.SphereGeometry(1, 16, 12);
    this.materials = {};
    for (const side of ['left', 'right', 'middle']) this.materials[side] = new THREE.MeshLambertMaterial();
    this.materials.other = new THREE.MeshLambertMaterial({transparent: true, opacity: .55});
    this.figures = Array.from({length: mostHypotheses + hasPath}, () => this.figure());
    this.recolor();
    this.reset();
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  figure() {
    const add = (group, shape) => group.add(new THREE.Mesh(shape, this.materials.other));
    const sticks = new THREE.Group(), balls = new THREE.Group();
    skeleton.links.forEach(() => add(sticks, this.stick));
    skeleton.keypoints.forEach(() => add(balls, this.ball));
    this.scene.add(sticks, balls);
    return {sticks, balls};
  }

  reset() {
    const turn = Math.PI / 6, away = 4.1 * this.radius;
    this.camera.position.set(away * Math.sin(turn), away * .22, away * Math.cos(turn));
    this.controls.target.set(0, 0, 0);
    this.controls.update();
  }

  resize() {
    const {clientWidth: width, clientHeight: height} = this.canvas;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.fov = width < height ? 30 * height / width : 30;
    this.camera.updateProjectionMatrix();
    this.render();
  }

  recolor() {
    for (const [name, material] of Object.entries(this.materials)) material.color.set(colors[name]);
    if (this.grid) this.scene.remove(this.grid);
    this.grid = new THREE.GridHelper(2.4 * this.radius, 8, colors.line, colors.line);
    this.grid.position.y = this.floor - .05 * this.radius;
    this.scene.add(this.grid);
  }

  // Show an instance, or none.
  show(one) {
    const poses = one ? posesOf(one) : [];
    this.figures.forEach(({sticks, balls}, index) => {
      const chosen = one && index === chosenOf(one), pose = poses[index];
      sticks.visible = Boolean(pose) && (chosen || Boolean(one.hypotheses[index]?.counts));
      balls.visible = sticks.visible && chosen;
      if (!sticks.visible) return;
      const thick = this.radius * (chosen ? .022 : .01);
      sticks.children.forEach((mesh, link) => {
        const [a, b] = skeleton.links[link].map(end => pose[end]), along = b.clone().sub(a), length = along.length();
        mesh.position.copy(a).add(b).multiplyScalar(.5);
        mesh.scale.set(thick, Math.max(length, 1e-6), thick);
        mesh.quaternion.setFromUnitVectors(new THREE.Vector3(0, 1, 0), along.divideScalar(Math.max(length, 1e-6)));
        mesh.material = this.materials[chosen ? sideOfLink(skeleton.links[link]) : 'other'];
      });
      balls.children.forEach((mesh, keypoint) => {
        mesh.position.copy(pose[keypoint]);
        mesh.scale.setScalar(thick * 1.6);
        mesh.material = this.materials[skeleton.sides[keypoint]];
      });
    });
    this.render();
  }

  render() {
    this.renderer.render(this.scene, this.camera);
  }
}

// ---- depths: a row a keypoint, a stick a hypothesis

const depthFactor = one => one.unit === 'mm' ? 1 : 100;
const depthReach = Math.max(1, ...instances.map(one => depthFactor(one)
  * one.hypotheses.reduce((most, pose) => Math.max(most, ...pose.depth.map(Math.abs)), 0)));

function drawDepths(one) {
  const {pen, width, height} = begin($('depth'));
  const names = skeleton.keypoints.map(name => name.replaceAll('_', ' '));
  const labels = Math.max(...names.map(name => pen.measureText(name).width)) + 10;
  const row = (height - 20) / names.length, middle = (labels + width - 6) / 2, half = (width - 6 - labels) / 2;
  const across = depth => middle + half * depth / depthReach;
  pen.textBaseline = 'middle';
  names.forEach((name, index) => {
    pen.fillStyle = colors[skeleton.sides[index]];
    pen.fillText(name, 0, (index + .6) * row);
    pen.fillStyle = colors.line;
    pen.fillRect(labels, Math.round((index + 1) * row) - 2, width - labels, 1);
  });
  pen.fillRect(Math.round(middle), 0, 1, height - 18);
  pen.fillStyle = colors.faint;
  pen.textAlign = 'center';
  const tick = Number((depthReach / 2).toPrecision(1));
  for (const depth of [-tick, 0, tick]) pen.fillText(String(depth).replace('-', '−'), across(depth), height - 7);
  pen.textAlign = 'left';
  if (!one) return;
  names.forEach((_, index) => one.choices.forEach((pose, hypothesis) => {
    const best = Math.max(1e-6, ...one.hypotheses.map(each => each.scores[index]));
    const chosen = hypothesis === chosenOf(one), own = pose.valid[index];
    if (!chosen && !(own && one.hypotheses[hypothesis])) return;
    const x = across(pose.depth[index] * depthFactor(one)), foot = Math.round((index + 1) * row) - 2;
    const tall = Math.max(2, (row - 5) * pose.scores[index] / best);
    const color = colors[skeleton.sides[index]];
    pen.fillStyle = chosen ? color : colors.other;
    pen.fillRect(x - 1.5, foot - tall, 3, tall);
    if (chosen) dot(pen, x, foot - tall, 3, own ? color : colors.card, color);
  }));
}

// ---- time

const startOf = index => timed ? frames[index].time - frames[0].time : index / PHOTOS_PER_SECOND;
let clock = 0, before = 0;

function play(on) {
  state.playing = on && frames.length > 1;
  $('play').textContent = state.playing ? '❚❚' : '▶';
  $('play').setAttribute('aria-label', state.playing ? 'Stop' : 'Play');
  if (!state.playing) return;
  if (state.frame === frames.length - 1) show(0);
  clock = startOf(state.frame);
  before = performance.now();
  requestAnimationFrame(tick);
}

function tick(now) {
  if (!state.playing) return;
  clock += Math.max(0, now - before) / 1000;
  before = now;
  let next = state.frame;
  while (next + 1 < frames.length && startOf(next + 1) <= clock) next++;
  if (next !== state.frame) show(next);
  if (next === frames.length - 1) play(false);
  requestAnimationFrame(tick);
}

const EDGE = 8;  // px beside the first and last frame: half of the slider's thumb
let drawn = '';

// The lines are as long as the video, so they are drawn anew only where something but the frame changes.
function drawConfidence() {
  const {clientWidth, clientHeight} = $('confidence');
  const now = [state.body, state.hypothesis, document.documentElement.dataset.theme, clientWidth, clientHeight].join();
  if (now !== drawn) drawScores();
  drawn = now;
  const one = instanceIn(frames[state.frame]), part = state.frame / Math.max(1, frames.length - 1);
  $('cursor').style.left = `${EDGE + (clientWidth - 2 * EDGE) * part}px`;
  $('score').textContent = one ? chosenPose(one).score.toFixed(2) : '';
}

function drawScores() {
  const {pen, width, height} = begin($('confidence'));
  const across = index => EDGE + (width - 2 * EDGE) * index / Math.max(1, frames.length - 1);
  const bodies = frames.map(instanceIn);
  const most = Math.max(1e-6, ...instances.map(one => one.hypotheses[0].score));
  const up = score => height - 4 - (height - 12) * score / most;
  pen.fillStyle = colors.line;
  pen.fillRect(0, height - 4, width, 1);
  for (let hypothesis = mostHypotheses - 1; hypothesis >= -1; hypothesis--) {
    const chosen = hypothesis < 0, which = one => one && (chosen ? chosenPose(one) : one.hypotheses[hypothesis]);
    pen.beginPath();
    pen.strokeStyle = chosen ? colors.accent : colors.other;
    pen.lineWidth = chosen ? 2 : 1;
    bodies.forEach((one, index) => {
      if (!which(one)) return;
      const joined = index > 0 && which(bodies[index - 1]);
      pen[joined ? 'lineTo' : 'moveTo'](across(index) - (joined ? 0 : 1), up(which(one).score));
      if (!joined) pen.lineTo(across(index) + 1, up(which(one).score));
    });
    pen.stroke();
  }
}

// ---- all together

let space = null;

function addButtons(id, count, press) {
  for (let index = 0; index < count; index++) {
    const button = document.createElement('button');
    button.addEventListener('click', () => press(index));
    $(id).append(button);
  }
}

const ABOUT_PATH = 'For each keypoint the hypothesis that was chosen over time (0)';

function updateButtons(frame, one) {
  [...$('hypotheses').children].forEach((button, number) => {
    const index = number - hasPath, path = index < 0;
    const pose = path ? one?.path && one.choices.at(-1) : one?.hypotheses[index];
    button.disabled = !pose;
    button.style.opacity = pose && !pose.counts ? .5 : '';
    button.title = path ? ABOUT_PATH : pose && !pose.counts ? 'No peak of its own: as hypothesis 1' : `Hypothesis ${index + 1}`;
    button.setAttribute('aria-pressed', Boolean(pose) && pose === chosenPose(one));
    button.textContent = path ? 'over time ' : `${index + 1} `;
    const score = document.createElement('small');
    score.textContent = pose ? pose.score.toFixed(2) : '–';
    button.append(score);
  });
  [...$('bodies').children].forEach((button, index) => {
    button.textContent = `body ${nameOf(numbers[index])}`;
    button.disabled = !frame.instances.some(each => each.number === numbers[index]);
    button.setAttribute('aria-pressed', one?.number === numbers[index]);
  });
}

function show(index) {
  state.frame = Math.max(0, Math.min(frames.length - 1, index));
  const frame = frames[state.frame], one = instanceIn(frame);
  $('caption').textContent = frame.name;
  $('slider').value = state.frame;
  $('clock').textContent = timed ? `${frame.time.toFixed(2)} s` : `${state.frame + 1} of ${frames.length}`;
  $('nobody').hidden = Boolean(one);
  $('nobody').textContent = frame.instances.length ? `Body ${nameOf(state.body)} is not in this frame` : 'Nobody is found here';
  $('depth-unit').textContent = `${one?.unit === 'mm' ? 'mm' : '% of the crop'}; right is farther`;
  updateButtons(frame, one);
  drawImage();
  drawDepths(one);
  drawConfidence();
  space?.show(one);
}

// Choose a hypothesis, counted from 0, or the path: -1.
function chooseHypothesis(index) {
  const one = instanceIn(frames[state.frame]);
  if (one && index < 0 && one.path) state.hypothesis = PATH;
  if (one?.hypotheses[index]) state.hypothesis = index;
  show(state.frame);
}

function chooseBody(number) {
  state.body = number;
  show(state.frame);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const style = getComputedStyle(document.documentElement);
  for (const name of ['left', 'right', 'middle', 'other', 'line', 'ink', 'faint', 'accent', 'card'])
    colors[name] = style.getPropertyValue(`--${name}`).trim();
  colors.onImage = {left: '#0f9d4a', right: '#e8710a', middle: '#1769d2'};
  space?.recolor();
  show(state.frame);
}

const otherTheme = () => document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';

const KEYS = {
  ' ': () => play(!state.playing),
  ArrowLeft: event => show(state.frame - (event.shiftKey ? 10 : 1)),
  ArrowRight: event => show(state.frame + (event.shiftKey ? 10 : 1)),
  Home: () => show(0),
  End: () => show(frames.length - 1),
  b: () => chooseBody(numbers[(numbers.indexOf(state.body) + 1) % numbers.length]),
  r: () => space?.reset(),
  t: () => setTheme(otherTheme()),
  '?': () => $('keys').showModal(),
};

document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || $('keys').open) return;
  if (event.target === $('slider') && event.key !== ' ') return;
  if (event.target.closest?.('button') && event.key === ' ') return;
  const act = /^[0-9]$/.test(event.key) ? () => chooseHypothesis(event.key - 1) : KEYS[event.key];
  if (!act) return;
  if (event.key.startsWith('Arrow') || event.key === 'Home' || event.key === 'End') play(false);
  act(event);
  event.preventDefault();
});
// A button that was clicked does not keep the space bar; one that was reached by tab does.
document.addEventListener('click', event => event.detail && event.target.closest('button')?.blur());

$('theme').addEventListener('click', () => setTheme(otherTheme()));
$('help').addEventListener('click', () => $('keys').showModal());
$('play').addEventListener('click', () => play(!state.playing));
$('slider').addEventListener('input', () => { play(false); show(Number($('slider').value)); });
for (const kind of ['pointerdown', 'pointermove']) {
  $('confidence').addEventListener(kind, event => {
    if (!event.buttons) return;
    play(false);
    show(Math.round((event.offsetX - EDGE) / ($('confidence').clientWidth - 2 * EDGE) * (frames.length - 1)));
  });
}
$('image').addEventListener('click', event => {
  const x = (event.offsetX - placed.left) / placed.scale, y = (event.offsetY - placed.top) / placed.scale;
  const hit = frames[state.frame].instances.find(({box}) => box[0] <= x && x <= box[2] && box[1] <= y && y <= box[3]);
  if (hit) chooseBody(hit.number);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', event => setTheme(event.matches ? 'dark' : 'light'));

$('depth').style.height = `${skeleton.keypoints.length * 19 + 20}px`;
$('time-card').hidden = frames.length < 2;
$('slider').max = frames.length - 1;
$('bodies').hidden = numbers.length < 2;
addButtons('hypotheses', mostHypotheses + hasPath, number => chooseHypothesis(number - hasPath));
addButtons('bodies', numbers.length, index => chooseBody(numbers[index]));
setTheme(matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
try {
  space = new Space($('space'));
  show(0);
} catch (error) {
  $('stage').textContent = `No 3D view: this browser has no WebGL (${error.message})`;
}
new ResizeObserver(() => show(state.frame)).observe(document.querySelector('main'));
