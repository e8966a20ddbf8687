// Questions that take the place of one another, such as those about what a form says now.

export class Latest {
  private asked = 0;

  /** Begins a question. What it gives tells whether that is the last one still: answers to others come too late. */
  begin(): () => boolean {
    const own = ++this.asked;
    return () => own === this.asked;
  }
}
