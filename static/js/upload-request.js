/* Requests that tell how far they are, and the words for it. */

function token() {
  return document.querySelector("#upload-form [name=csrfmiddlewaretoken]").value;
}

/** 4.7 GB, as sizes are written everywhere on the site. */
export function size(bytes) {
  const [divisor, unit] = bytes < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${(bytes / divisor).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 })} ${unit}`;
}

/** A sentence with {done} and the like filled in. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** Bytes a second over the last ten seconds, and about how many minutes are left; `samples` keeps what was measured. */
export function measure(samples, done, total) {
  const now = performance.now();
  samples.push([now, done]);
  while (now - samples[0][0] > 10_000) samples.shift();
  const [since, from] = samples[0];
  const speed = now > since ? Math.max(0, ((done - from) / (now - since)) * 1000) : 0;
  return { speed, minutes: speed ? Math.ceil((total - done) / speed / 60) : 0 };
}

/** One request; `progress` hears how many bytes have left. Resolves to [status, answer], with status 0 where nothing came back. */
export function request(method, url, body, headers = {}, progress = () => {}, signal = null) {
  return new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    for (const [name, value] of Object.entries({ Accept: "application/json", "X-CSRFToken": token(), ...headers })) xhr.setRequestHeader(name, value);
    xhr.responseType = "json";
    xhr.upload.onprogress = (event) => progress(event.loaded);
    xhr.onloadend = () => resolve([xhr.status, xhr.response ?? {}]);
    signal?.addEventListener("abort", () => xhr.abort());
    xhr.send(body);
  });
}
