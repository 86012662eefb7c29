// A differing value as it may be shown: short, and without what is obviously personal or secret.

const SECRET_NAME = /pass|secret|token|e-?mail|phone|address|birth|iban|card|auth|cookie|session/i;
const EMAIL = /[\w.+-]+(?:@|%40)[\w-]+\.[\w.-]+/g;
const CREDENTIAL = /\b(?:eyJ[\w-]+\.[\w-]+\.[\w-]*|[A-Za-z0-9+/_-]{40,}={0,2})/g;
const PHONE = /\+\d[\d ()/-]{7,}\d/g;
const LENGTH_LIMIT = 80;

/** `name` is the field's; absent values read `(absent)`. */
export function maskValue(name: string, json: string | undefined): string {
  if (json === undefined) return '(absent)';
  if (SECRET_NAME.test(name) && json !== 'null') return '(masked)';
  return shorten(maskText(json));
}

/** A request target, which may hold the same. */
export function maskText(text: string): string {
  return text.replace(CREDENTIAL, '(masked)').replace(EMAIL, '(masked)').replace(PHONE, '(masked)');
}

function shorten(text: string): string {
  return text.length <= LENGTH_LIMIT ? text : `${text.slice(0, LENGTH_LIMIT - 1)}…`;
}
