// Files of the user's → upright pictures, small enough to send, with a thumbnail.

const MAX_SENT_PX = 1024; // more than any describer looks at
const THUMBNAIL_PX = 320;
const BY_NAME = /\.(avif|bmp|gif|heic|heif|jpe?g|png|tiff?|webp)$/i;

export const isPicture = (file) => file.type.startsWith('image/') || BY_NAME.test(file.name);

/** Return `{ name, blob, thumb }`. What the browser cannot read goes to the service as it is. */
export async function prepared(file) {
  const name = file.name || 'pasted picture';
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
    const [blob, thumb] = [await drawn(bitmap, MAX_SENT_PX), await drawn(bitmap, THUMBNAIL_PX)];
    bitmap.close();
    return { name, blob, thumb };
  } catch {
    return { name, blob: typed(file), thumb: null };
  }
}

/** Some browsers do not know the type of an iPhone's pictures. */
const typed = (file) => (file.type ? file : new Blob([file], { type: 'image/heic' }));

/** Return the files that were dropped, those in folders too. */
export async function filesIn(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesBelow))).flat();
}

/** Return a blob as a data URL. */
export const dataURL = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

async function filesBelow(entry) {
  if (entry.isFile) {
    return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives at most a hundred entries at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesBelow))).flat();
}

/** Return the bitmap as a JPEG of at most `px` on its longer side. */
function drawn(bitmap, px) {
  const scale = Math.min(1, px / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff'; // below transparent pictures
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    const done = (blob) => (blob ? resolve(blob) : reject(new Error('too large to draw')));
    canvas.toBlob(done, 'image/jpeg', 0.9);
  });
}
