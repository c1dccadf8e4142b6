// The two ends of the line on the audio thread: the microphone and the loudspeaker.

const ZERO_CROSSINGS = 12;
const TABLE_STEPS = 128;

/** Band-limited resampling by a windowed sinc, to a lower or a higher rate. */
class Resampler {
  constructor(from, to) {
    this.ratio = from / to;
    this.cutoff = Math.min(1, to / from) * 0.92;
    this.reach = Math.ceil(ZERO_CROSSINGS / this.cutoff);
    this.table = Float32Array.from({ length: this.reach * TABLE_STEPS + 2 }, (_, i) =>
      this.kernel(i / TABLE_STEPS),
    );
    this.input = new Float32Array(this.reach);
    this.next = this.reach;
  }

  kernel(x) {
    if (x >= this.reach) return 0;
    const angle = Math.PI * this.cutoff * x;
    const sinc = x === 0 ? 1 : Math.sin(angle) / angle;
    const turn = (Math.PI * x) / this.reach;
    return this.cutoff * sinc * (0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn));
  }

  /** Take samples in and return those that can be computed so far. */
  push(samples) {
    const input = new Float32Array(this.input.length + samples.length);
    input.set(this.input);
    input.set(samples, this.input.length);
    const output = [];
    while (this.next + this.reach < input.length) {
      let sum = 0;
      const first = Math.ceil(this.next - this.reach);
      const last = Math.floor(this.next + this.reach);
      for (let i = first; i <= last; i++) {
        sum += input[i] * this.table[Math.round(Math.abs(i - this.next) * TABLE_STEPS)];
      }
      output.push(sum);
      this.next += this.ratio;
    }
    const spent = Math.max(0, Math.floor(this.next) - this.reach);
    this.input = input.slice(spent);
    this.next -= spent;
    return output;
  }
}

/** Posts {pcm, level}: 20 ms of PCM16 at the rate asked for, and its loudness from 0 to 1. */
class Microphone extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.resampler = new Resampler(sampleRate, rate);
    this.frame = new Int16Array(rate / 50);
    this.filled = 0;
    this.energy = 0;
  }

  process([[channel]]) {
    for (const sample of channel ? this.resampler.push(channel) : []) {
      const bounded = Math.max(-1, Math.min(1, sample));
      this.frame[this.filled++] = Math.round(bounded * 32767);
      this.energy += bounded * bounded;
      if (this.filled === this.frame.length) this.post();
    }
    return true;
  }

  post() {
    const level = Math.sqrt(this.energy / this.frame.length);
    this.port.postMessage({ pcm: this.frame.slice().buffer, level });
    this.filled = 0;
    this.energy = 0;
  }
}

/**
 * Plays PCM16 at its context's rate, in order. Takes {pcm}, {mark} and {clear}; posts
 * {mark, time}: the context's time at which the sound before the mark has left.
 */
class Loudspeaker extends AudioWorkletProcessor {
  constructor({ processorOptions: { headStart } }) {
    super();
    this.headStart = Math.round(headStart * sampleRate);
    this.queue = [];
    this.position = 0;
    this.wait = 0;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take({ pcm, mark, clear }) {
    if (clear) {
      this.queue = [];
      this.position = 0;
    } else {
      if (!this.queue.length) this.wait = this.headStart;
      this.queue.push(pcm ? { samples: new Int16Array(pcm) } : { mark });
    }
  }

  process(_inputs, [[output]]) {
    if (this.wait > 0) {
      this.wait -= output.length;
      return true;
    }
    let written = 0;
    while (this.queue.length) {
      const { samples, mark } = this.queue[0];
      if (!samples) {
        this.port.postMessage({ mark, time: currentTime + written / sampleRate });
        this.queue.shift();
      } else if (written === output.length) {
        break;
      } else {
        while (written < output.length && this.position < samples.length) {
          output[written++] = samples[this.position++] / 32768;
        }
        if (this.position < samples.length) break;
        this.queue.shift();
        this.position = 0;
      }
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
registerProcessor("loudspeaker", Loudspeaker);
