// The line: microphone, loudspeaker and the socket between this page and the voice pipeline.

const INPUT_RATE = 16000;
const OUTPUT_RATE = 24000;
const HEAD_START_SECS = 0.04; // played behind, so that an uneven network does not crackle
const CONNECT_SECS = 20;
const HANG_UP_SECS = 3;
const MAX_UNSENT_BYTES = INPUT_RATE * 2 * 2; // two seconds; older sound is of no use any more

const MICROPHONE_PROBLEMS = {
  NotAllowedError:
    "The microphone is blocked for this page. Allow it in the browser's address bar, then try again.",
  SecurityError: "The browser does not let this page use the microphone.",
  NotFoundError: "No microphone was found. Connect one, then try again.",
  OverconstrainedError: "No suitable microphone was found. Connect another, then try again.",
  NotReadableError: "The microphone is in use by another program. Close that, then try again.",
};

const ENDED_OTHERWISE = {
  moved: "You talk in this conversation in another window now. Reconnect to talk here.",
  shutdown: "The server is restarting. Reconnect in a moment to go on where you were.",
};

/** What went wrong, in words for the person. */
export class LineError extends Error {}

/**
 * One call. Dispatches "microphone" once it may be used, "message" (what the server says, as
 * `detail`), "level" (0 to 1) and once "closed", whose detail is null after a proper end, else what
 * went wrong.
 */
export class Line extends EventTarget {
  #socket;
  #stream;
  #capture;
  #playback;
  #loudspeaker;
  #closed = false;
  #ended = false;
  #problem = null; // what the server said went wrong
  #offline = () => this.#close("The network is gone: the line broke. Reconnect to go on.");

  /** Ask for the microphone, connect and begin to talk; rejects with a LineError. */
  async open(graph, thread) {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      throw new LineError(
        "Browsers give the microphone to secure pages only. Open this page over https, or at localhost.",
      );
    }
    try {
      this.#capture = new AudioContext({ latencyHint: "interactive" });
      this.#playback = new AudioContext({ latencyHint: "interactive", sampleRate: OUTPUT_RATE });
      await this.#takeMicrophone();
      this.#tell("microphone");
      await this.#startPlayback(); // before the first sound can come
      await this.#connect(graph, thread);
      await this.#startCapture();
    } catch (error) {
      this.#release();
      throw error instanceof LineError
        ? error
        : new LineError(`The call could not be started: ${error.message}`);
    }
    window.addEventListener("offline", this.#offline);
  }

  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Silence the microphone at its source: muted sound never leaves the device. */
  mute(muted) {
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  hangUp() {
    this.mute(true);
    this.#loudspeaker?.port.postMessage({ clear: true });
    this.send({ type: "hangup" });
    setTimeout(() => this.#close(null), HANG_UP_SECS * 1000);
    this.#ended = true;
  }

  async #takeMicrophone() {
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      throw new LineError(
        MICROPHONE_PROBLEMS[error.name] ?? `The microphone does not work: ${error.message}`,
      );
    }
    const lost = () => this.#close("The microphone was disconnected. Connect it and call again.");
    this.#stream.getAudioTracks()[0].addEventListener("ended", lost);
  }

  #connect(graph, thread) {
    const address = new URL(`demo/voice/${crypto.randomUUID()}`, document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      const fail = (text) => reject(new LineError(text));
      const late = () => fail("The server did not take the call in time. Try again in a moment.");
      const timer = setTimeout(late, CONNECT_SECS * 1000);
      socket.onopen = () => this.send({ type: "start", graph, thread_id: thread || null });
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "error") fail(message.message);
        if (message.type !== "ready") return;
        clearTimeout(timer);
        socket.onmessage = (event) => this.#receive(event.data);
        socket.onclose = ({ code }) => this.#close(this.#ended || code === 1000 ? this.#problem : this.#broken());
        this.#tell("message", message);
        resolve();
      };
      socket.onclose = () => {
        clearTimeout(timer);
        fail("The server took no call: it is busy or restarting. Try again in a moment.");
      };
    });
  }

  #receive(data) {
    if (data instanceof ArrayBuffer) {
      this.#loudspeaker.port.postMessage({ pcm: data }, [data]);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "mark") this.#loudspeaker.port.postMessage({ mark: message.id });
    if (message.type === "clear") this.#loudspeaker.port.postMessage({ clear: true });
    if (message.type === "error") this.#problem = message.message;
    this.#tell("message", message);
    if (message.type === "ended") {
      this.#ended = true;
      this.#close(ENDED_OTHERWISE[message.reason] ?? null);
    }
  }

  #broken() {
    return this.#problem ?? "The line broke. Reconnect to go on where you were.";
  }

  async #startPlayback() {
    const context = this.#playback;
    await context.audioWorklet.addModule(new URL("voice_worklets.js", import.meta.url));
    this.#loudspeaker = new AudioWorkletNode(context, "loudspeaker", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { headStart: HEAD_START_SECS },
    });
    this.#loudspeaker.port.onmessage = ({ data: { mark, time } }) => {
      const secs = time - context.currentTime + (context.outputLatency || context.baseLatency || 0);
      setTimeout(() => this.send({ type: "played", mark }), Math.max(0, secs * 1000));
    };
    this.#loudspeaker.connect(context.destination);
    await context.resume();
  }

  async #startCapture() {
    const context = this.#capture;
    await context.audioWorklet.addModule(new URL("voice_worklets.js", import.meta.url));
    const microphone = new AudioWorkletNode(context, "microphone", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rate: INPUT_RATE },
    });
    microphone.port.onmessage = ({ data: { pcm, level } }) => {
      this.#tell("level", level);
      const socket = this.#socket;
      if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MAX_UNSENT_BYTES) return;
      socket.send(pcm);
    };
    context.createMediaStreamSource(this.#stream).connect(microphone);
    await context.resume();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #close(problem) {
    if (this.#closed) return;
    this.#release();
    this.#tell("closed", problem);
  }

  #release() {
    this.#closed = true;
    window.removeEventListener("offline", this.#offline);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    for (const context of [this.#capture, this.#playback]) {
      if (context && context.state !== "closed") context.close();
    }
    if (this.#socket) {
      this.#socket.onclose = null;
      this.#socket.onmessage = null;
      this.#socket.close();
    }
  }
}
