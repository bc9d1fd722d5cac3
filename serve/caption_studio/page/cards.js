// One item of the album on the screen.

import { isBusy, isOpen, nameOf, seenIn, warningAbout } from './album.js';
import { notesOn } from './controls.js';

const STATES = { waiting: 'Waiting …', writing: 'Writing …' };

let captionsShown = 0;

const copyOf = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

export class Card {
  #item;
  #act;
  #takes;
  #urls;

  /** `act` has a function for each button. */
  constructor(item, act) {
    this.#item = item;
    this.#act = act;
    this.element = copyOf('card');
    this.#part('h2').textContent = nameOf(item);
    this.#urls = item.pictures.map(({ thumb }) => thumb && URL.createObjectURL(thumb));
    const pictures = this.#part('.pictures');
    pictures.classList.toggle('several', item.pictures.length > 1);
    pictures.append(...item.pictures.map((picture, place) => this.#picture(picture, place)));
    this.#on('.copy-alt', () => act.copy(item.about.alt_text, 'Alt text copied.'));
    this.#on('.show-request', () => act.showRequest(item));
    this.#on('.remove', () => act.remove(item));
    for (const name of ['copy-alt', 'show-request', 'remove']) {
      const button = this.#part(`.${name}`);
      button.setAttribute('aria-label', `${button.textContent}: ${nameOf(item)}`);
    }
    this.#takes = item.takes.map((take) => new Take(item, take, act));
    this.#part('.takes').append(...this.#takes.map((take) => take.element));
    this.refresh();
  }

  /** Show the item as it is now. */
  refresh() {
    const { about, takes } = this.#item;
    this.#part('.seen').textContent = seenIn(about);
    this.#part('.strange').textContent = warningAbout(about);
    this.#part('.strange').hidden = about.familiar !== false;
    this.#part('.copy-alt').hidden = !about.alt_text;
    for (const image of this.element.querySelectorAll('.pictures img')) {
      image.alt = about.alt_text ?? nameOf(this.#item);
    }
    const isFavourite = takes.some((take) => take.captions.some((caption) => caption.favourite));
    this.element.classList.toggle('has-favourite', isFavourite);
    for (const take of this.#takes) take.refresh();
  }

  remove() {
    this.element.remove();
    for (const url of this.#urls) if (url) URL.revokeObjectURL(url);
  }

  #picture({ name }, place) {
    const url = this.#urls[place];
    const shown = document.createElement(url ? 'img' : 'div');
    if (url) shown.src = url;
    else {
      shown.className = 'unseen';
      shown.textContent = `This browser cannot show ${name}. The service may read it.`;
    }
    return shown;
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #on(selector, listener) {
    this.#part(selector).addEventListener('click', listener);
  }
}

class Take {
  #take;
  #captions;

  constructor(item, take, act) {
    this.#take = take;
    this.element = copyOf('take');
    this.element.querySelector('h3').textContent = take.voice;
    this.element.querySelector('.again').addEventListener('click', () => act.tryAgain(item, take));
    this.#captions = take.captions.map((_, place) => new Caption(item, take, place, act));
    this.element.querySelector('.captions').append(...this.#captions.map((one) => one.element));
  }

  refresh() {
    const { state, why } = this.#take;
    const line = this.element.querySelector('.take-state');
    line.textContent = why || (isBusy(this.#take) ? STATES[state] || STATES.writing : '');
    line.hidden = !line.textContent;
    line.classList.toggle('failed', state === 'failed');
    this.element.querySelector('.again').hidden = state !== 'failed';
    this.element.classList.toggle('writing', isBusy(this.#take));
    for (const caption of this.#captions) caption.refresh();
  }
}

class Caption {
  #take;
  #place;
  #text;
  #notes;

  constructor(item, take, place, act) {
    this.#take = take;
    this.#place = place;
    this.element = copyOf('caption');
    this.#text = this.element.querySelector('textarea');
    const label = `Caption ${place + 1} by ${take.voice} for ${nameOf(item)}`;
    this.#text.setAttribute('aria-label', label);
    this.#notes = this.element.querySelector('.notes');
    captionsShown += 1;
    this.#notes.id = `notes-${captionsShown}`;
    this.#text.addEventListener('input', () => act.edit(item, this.#caption, this.#text.value));
    const actions = {
      copy: () => act.copy(this.#caption.text, 'Caption copied.'),
      regenerate: () => act.regenerate(item, take, place),
      favourite: () => act.favourite(item, this.#caption),
    };
    for (const [name, action] of Object.entries(actions)) {
      const button = this.element.querySelector(`.${name}`);
      button.addEventListener('click', () => isBusy(this.#take) || action());
      button.setAttribute('aria-label', `${button.textContent}: ${label}`);
    }
  }

  get #caption() {
    return this.#take.captions[this.#place];
  }

  refresh() {
    const { favourite, text: kept, marks } = this.#caption;
    const { again, draft, state } = this.#take;
    const text = again === this.#place && draft ? draft : kept;
    // Setting an equal value would move the cursor of somebody who edits.
    if (this.#text.value !== text) this.#text.value = text;
    this.#note(text === kept && kept ? notesOn(marks).join('; ') : '');
    this.#text.readOnly = again === this.#place || isOpen(this.#take);
    this.element.hidden = !text && state === 'failed';
    this.element.classList.toggle('is-favourite', favourite);
    this.element.querySelector('.favourite').setAttribute('aria-pressed', favourite);
    // A button that is disabled would lose the focus of whoever has just pressed it.
    for (const button of this.element.querySelectorAll('button')) {
      button.setAttribute('aria-disabled', isBusy(this.#take));
    }
  }

  #note(text) {
    this.#notes.textContent = text;
    this.#notes.hidden = !text;
    if (text) this.#text.setAttribute('aria-describedby', this.#notes.id);
    else this.#text.removeAttribute('aria-describedby');
  }
}
