// spec/page.md · Live values
import type { Cleanup, Live, LiveRead } from "./api.ts";

/** Listeners of one kind of event. One that throws does not keep the others from hearing. */
export class Listeners<Event> {
  private readonly set = new Set<(event: Event) => void>();
  get size(): number {
    return this.set.size;
  }
  add(listener: (event: Event) => void): Cleanup {
    const own = (event: Event) => listener(event);
    this.set.add(own);
    return () => this.set.delete(own);
  }
  tell(event: Event): void {
    for (const listener of [...this.set]) {
      try {
        listener(event);
      } catch (error) {
        reportError(error);
      }
    }
  }
}

/** A value that somebody sets. */
export class LiveValue<Value> implements Live<Value> {
  private readonly listeners = new Listeners<void>();
  private current: Value | null;
  private failure: Error | null = null;
  constructor(value: Value | null = null) {
    this.current = value;
  }
  get value(): Value | null {
    return this.current;
  }
  get error(): Error | null {
    return this.failure;
  }
  get isWatched(): boolean {
    return this.listeners.size > 0;
  }
  set(value: Value): void {
    this.current = value;
    this.failure = null;
    this.listeners.tell();
  }
  fail(error: Error): void {
    this.failure = error;
    this.listeners.tell();
  }
  subscribe(listener: () => void): Cleanup {
    const end = this.listeners.add(listener);
    if (this.current !== null || this.failure) listener();
    return end;
  }
}

/** A value that is read from the server. */
export class ReadValue<Value> extends LiveValue<Value> implements LiveRead<Value> {
  private running: Promise<Value> | null = null;
  /** Something changed while a read was under way: it is read once more. */
  private isStale = true;
  constructor(private readonly read: () => Promise<Value>) {
    super();
  }
  /** Says that it may have changed: it is read now if somebody watches, else when somebody does. */
  invalidate(): void {
    this.isStale = true;
    if (this.isWatched && !this.running) void this.refresh().catch(() => undefined);
  }
  override subscribe(listener: () => void): Cleanup {
    const end = super.subscribe(listener);
    if (this.isStale && !this.running) void this.refresh().catch(() => undefined);
    return end;
  }
  refresh(): Promise<Value> {
    this.running ??= this.run().finally(() => {
      this.running = null;
      if (this.isStale && this.isWatched && !this.error) this.invalidate();
    });
    return this.running;
  }
  private async run(): Promise<Value> {
    this.isStale = false;
    try {
      const value = await this.read();
      this.set(value);
      return value;
    } catch (error) {
      this.isStale = true;
      this.fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }
}
