/** A dialog that closes when Escape is pressed. */
export class Dialog {
  constructor(element) {
    this.element = element;
    this.onKey = (event) => {
      if (event.key === "Escape") {
        this.close();
      }
    };
  }

  get isOpen() {
    return !this.element.hidden;
  }

  open() {
    if (this.isOpen) {
      return;
    }
    this.element.hidden = false;
    document.addEventListener("keydown", this.onKey);
  }

  close() {
    if (!this.isOpen) {
      return;
    }
    this.element.hidden = true;
    document.removeEventListener("keydown", this.onKey);
  }
}
