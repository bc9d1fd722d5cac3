// The album: items of one or more pictures, each with its takes, one for each voice. Pure.
//
// item    { id, pictures: [{ name, blob, thumb }], steering, controls, about, takes }
// take    { voice, n, state, why, captions, again, draft, draftMarks }
//         state: waiting | writing | done | failed
//         again: the place of a caption that is written anew; draft: what there is of it
// caption { text, favourite, edited, marks }
//         marks: what the service checked of it; none once it was edited

import { marksIn } from './controls.js';

/** Return new items for these pictures: one for each, or one for all. */
export function newItems(pictures, wishes) {
  const groups = wishes.forAll ? [pictures] : pictures.map((picture) => [picture]);
  return groups.map((group) => ({
    id: crypto.getRandomValues(new Uint32Array(4)).join('-'),
    addedAt: Date.now(),
    pictures: group,
    steering: wishes.steering,
    controls: wishes.controls,
    about: {},
    takes: wishes.voices.map((voice) => newTake(voice, wishes.n)),
  }));
}

export const newTake = (voice, n) => ({
  voice,
  n,
  state: 'waiting',
  why: '',
  captions: Array.from({ length: n }, newCaption),
});

export const newCaption = () => ({ text: '', favourite: false, edited: false });

export const nameOf = (item) => item.pictures.map((picture) => picture.name).join(', ');

export const isOpen = (take) => take.state === 'waiting' || take.state === 'writing';

export const isBusy = (take) => isOpen(take) || take.again !== undefined;

/** Forget what a take was about to do when its page was closed. */
export function atRest(take) {
  delete take.again;
  delete take.draft;
  delete take.draftMarks;
  if (isOpen(take)) Object.assign(take, { state: 'waiting', why: '' });
}

/** Keep what an answer says of the pictures, and what it says of each caption of the take. */
export function keepAbout(item, take, { captions, ...about }) {
  const { controls, faithful, flagged, ...seen } = about;
  Object.assign(item.about, seen);
  for (const one of captions ?? [{ index: 0, ...about }]) {
    const marks = marksIn(one);
    if (!Object.keys(marks).length) continue;
    if (take.again !== undefined) take.draftMarks = marks;
    else if (take.captions[one.index]) take.captions[one.index].marks = marks;
  }
}

/** Return how many captions were asked for, are written, and have failed. */
export function progressOf(items) {
  const takes = items.flatMap((item) => item.takes);
  const captionsOf = (some) => some.reduce((sum, take) => sum + take.captions.length, 0);
  return {
    all: captionsOf(takes),
    written: captionsOf(takes.filter((take) => take.state === 'done')),
    failed: captionsOf(takes.filter((take) => take.state === 'failed')),
  };
}

/**
 * Say what was seen, and how sure the describer is. Its confidence holds for pictures like those of
 * its training, so it is not shown of others.
 */
export function seenIn({ description, confidence, familiar }) {
  if (!description) return '';
  const isKnown = typeof confidence === 'number' && familiar !== false;
  const sure = isKnown ? ` (${Math.round(confidence * 100)} % sure)` : '';
  return `Seen: ${description}${sure}.`;
}

/** Say whether the description may be about another world than the picture. */
export const warningAbout = ({ familiar }) => (familiar === false
  ? 'This picture is unlike anything that the describer was trained on; the caption may be wrong.'
  : '');
