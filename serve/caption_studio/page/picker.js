// The voices to choose from: a checkbox for each, and its description.
//
// The list is read again when somebody turns to it, because voices are added and removed while the
// page is open: at most once in a while, and one reading at a time.

const READ_AGAIN_MS = 3000;
const PATIENCE_MS = 10_000;

export class VoicePicker {
  #fieldset;
  #list;
  #added;
  #rows = new Map();
  #readAt = 0;
  #isReading = false;

  /**
   * `list(signal)` returns the voices, `{ id, description }`; `added(ids)` is called for those that
   * appear after the first reading.
   */
  constructor(fieldset, list, added) {
    this.#fieldset = fieldset;
    this.#list = list;
    this.#added = added;
    for (const name of ['focusin', 'pointerenter']) {
      fieldset.addEventListener(name, () => this.#readAgain());
    }
    addEventListener('focus', () => this.#readAgain()); // back from another window
  }

  /** The ids of the voices that are chosen. */
  get chosen() {
    return [...this.#rows].filter(([, row]) => row.box.checked).map(([id]) => id);
  }

  /** Read the list for the first time, and choose its first voice. Rejects as `list` does. */
  async read(signal) {
    const voices = await this.#list(signal);
    this.#fieldset.querySelector('.hint')?.remove();
    this.#readAt = performance.now();
    this.#show(voices);
    if (voices.length) this.#rows.get(voices[0].id).box.checked = true;
  }

  async #readAgain() {
    const isEarly = performance.now() - this.#readAt < READ_AGAIN_MS;
    if (!this.#rows.size || this.#isReading || isEarly) return;
    this.#isReading = true;
    try {
      const ids = this.#show(await this.#list(AbortSignal.timeout(PATIENCE_MS)));
      if (ids.length) this.#added(ids);
    } catch {
      // The list that is shown may still be right; a caption tells what is wrong.
    } finally {
      this.#isReading = false;
      this.#readAt = performance.now();
    }
  }

  /** Show these voices; return the ids of those that were not shown before. */
  #show(voices) {
    const listed = new Set(voices.map(({ id }) => id));
    for (const [id, { element, box }] of this.#rows) {
      // A chosen one stays: a gateway may not know it yet, and a choice does not vanish unseen.
      if (listed.has(id) || box.checked || box === document.activeElement) continue;
      element.remove();
      this.#rows.delete(id);
    }
    const fresh = voices.filter(({ id }) => !this.#rows.has(id));
    for (const { id } of fresh) this.#rows.set(id, newRow(id));
    this.#fieldset.append(...fresh.map(({ id }) => this.#rows.get(id).element));
    for (const { id, description } of voices) describe(this.#rows.get(id), description);
    return fresh.map(({ id }) => id);
  }
}

function newRow(id) {
  const element = document.createElement('div');
  const label = document.createElement('label');
  const box = document.createElement('input');
  const note = document.createElement('small');
  element.className = 'voice';
  Object.assign(box, { type: 'checkbox', value: id });
  note.id = `about-voice-${id}`;
  label.append(box, ` ${id}`);
  element.append(label, note);
  return { element, box, note };
}

// Beside the label, not in it: the name of the box stays the voice's id.
function describe({ box, note }, description) {
  note.textContent = description;
  note.hidden = !description;
  if (description) box.setAttribute('aria-describedby', note.id);
  else box.removeAttribute('aria-describedby');
}
