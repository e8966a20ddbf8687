// The camera at the back, its picture on the page, and the codes that are seen in it.

import { partToRead, sizeToRead } from "./aim";
import type { QrReader } from "./reader";

/** How the camera does. */
export type CameraState = "starting" | "running" | "denied" | "missing" | "busy" | "unsupported" | "no_reader" | "cannot_keep";

/** Shows the camera and tells what codes it sees, one picture at a time. */
export class Camera {
  private stream: MediaStream | null = null;
  private isLooking = false;
  private pictures = 0;
  private turn = 0;
  private readonly canvas = document.createElement("canvas");
  private readonly pen = this.canvas.getContext(FLAT, { willReadFrequently: true });

  /**
   * `seen` is told each text each time; `changed` the camera's state. The `reader` may come later than the
   * picture, or not at all (`null`).
   */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly reader: Promise<QrReader | null>,
    private readonly seen: (text: string) => void,
    private readonly changed: (state: CameraState) => void,
  ) {}

  /** Starts the camera, and looks for codes. */
  async start(): Promise<void> {
    this.stop();
    if (!navigator.mediaDevices?.getUserMedia) return this.changed("unsupported");
    const turn = this.turn;
    this.changed("starting");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: WANTED });
      if (turn !== this.turn) return endTracks(stream);
      this.stream = stream;
      this.video.srcObject = stream;
      this.track?.addEventListener("ended", () => this.changed("busy"));
      await this.video.play();
    } catch (reason) {
      if (turn !== this.turn) return;
      this.stop();
      return this.changed(stateOf(reason));
    }
    this.changed("running");
    this.look();
  }

  /** Lets go of the camera. */
  stop(): void {
    this.turn++;
    if (this.stream) endTracks(this.stream);
    this.stream = null;
    this.isLooking = false;
  }

  /** Goes on looking for codes, after `pause`; starts a camera that was let go of. */
  look(): void {
    if (this.stream === null) return void this.start();
    if (this.isLooking) return;
    this.isLooking = true;
    this.next();
  }

  /** Looks for no codes; the picture goes on. */
  pause(): void {
    this.isLooking = false;
  }

  /** Whether the camera has a light that can be switched. */
  get hasTorch(): boolean {
    const abilities = this.track?.getCapabilities?.() as { torch?: boolean } | undefined;
    return abilities?.torch === true;
  }

  /** Switches the light. */
  async torch(isOn: boolean): Promise<void> {
    await this.track?.applyConstraints({ advanced: [{ torch: isOn } as MediaTrackConstraintSet] });
  }

  private get track(): MediaStreamTrack | undefined {
    return this.stream?.getVideoTracks()[0];
  }

  private next(): void {
    if (!this.isLooking) return;
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(() => void this.readFrame());
    else setTimeout(() => void this.readFrame(), 1000 / PICTURES_PER_SECOND);
  }

  private async readFrame(): Promise<void> {
    const reader = await this.reader;
    if (reader === null) return this.changed("no_reader");
    const picture = this.isLooking ? this.picture() : null;
    const text = picture && (await reader.read(picture).catch(() => null));
    if (text && this.isLooking) this.seen(text);
    this.next();
  }

  /** What the camera shows now: mostly the aim, every third time all of it. */
  private picture(): ImageData | null {
    const { videoWidth, videoHeight, clientWidth, clientHeight } = this.video;
    if (videoWidth === 0 || clientWidth === 0 || clientHeight === 0 || this.pen === null) return null;
    const isWhole = ++this.pictures % 3 === 0;
    const box = { width: clientWidth, height: clientHeight };
    const part = partToRead({ width: videoWidth, height: videoHeight }, box, isWhole);
    const size = sizeToRead(part, isWhole ? WHOLE_PIXELS : AIM_PIXELS);
    Object.assign(this.canvas, size);
    this.pen.drawImage(this.video, part.x, part.y, part.width, part.height, 0, 0, size.width, size.height);
    return this.pen.getImageData(0, 0, size.width, size.height);
  }
}

function endTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function stateOf(reason: unknown): CameraState {
  switch (reason instanceof DOMException ? reason.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    default:
      return "busy";
  }
}

const WANTED = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };
const FLAT = "2d";
const PICTURES_PER_SECOND = 15;
/** A code of 53 modules, quiet zone included, that fills half of the aim has 6 pixels a module. */
const AIM_PIXELS = 640;
const WHOLE_PIXELS = 800;
