// What captions are held to: a form → the request's controls; an answer's marks → notes. Pure.

const BETWEEN_WORDS = /[,，、]/;
const MARKS = ['controls', 'faithful', 'flagged'];

/** Return the controls that are set in a form, of the texts of its fields. */
export function controlsIn({ platform, length, hashtags, emoji, avoid = '' }) {
  const words = avoid.split(BETWEEN_WORDS).map((word) => word.trim()).filter(Boolean);
  return {
    ...(platform && { platform }),
    ...(length && { length }),
    ...(hashtags && { hashtags: Number(hashtags) }),
    ...(emoji && { emoji: emoji === 'yes' }),
    ...(words.length && { avoid: [...new Set(words)] }),
  };
}

export const isSet = (controls) => Object.keys(controls ?? {}).length > 0;

/** Return the marks of a caption, as the API spells them: only those that are there. */
export function marksIn(about = {}) {
  const names = MARKS.filter((name) => name in about);
  return Object.fromEntries(names.map((name) => [name, about[name]]));
}

/** Return the names of the controls that a caption does not keep to. */
export const notKept = ({ controls = {} } = {}) =>
  Object.keys(controls).filter((name) => controls[name] === false);

/** Say what is wrong with a caption, in short notes; there are none if nothing is. */
export function notesOn(marks) {
  const names = notKept(marks);
  return [
    ...(names.length ? [`not kept: ${names.join(', ')}`] : []),
    ...(marks?.faithful === false ? ['contradicts the description'] : []),
    ...(marks?.flagged?.length ? [`flagged: ${marks.flagged.join(', ')}`] : []),
  ];
}
