/* Writes a request as a program: curl, Python with the client of its protocol, JavaScript. The key is for the reader to put in. */

const KEY = "YOUR_KEY";

/** What Python's clients call the endpoints that they know. */
const PYTHON = {
  "/api/chat": ["ollama", "chat"],
  "/api/generate": ["ollama", "generate"],
  "/api/embed": ["ollama", "embed"],
  "/api/embeddings": ["ollama", "embeddings"],
  "/api/show": ["ollama", "show"],
  "/api/tags": ["ollama", "list"],
  "/api/ps": ["ollama", "ps"],
  "/api/copy": ["ollama", "copy"],
  "/api/delete": ["ollama", "delete"],
  "/api/pull": ["ollama", "pull"],
  "/v1/chat/completions": ["openai", "chat.completions.create"],
  "/v1/completions": ["openai", "completions.create"],
  "/v1/embeddings": ["openai", "embeddings.create"],
  "/v1/responses": ["openai", "responses.create"],
  "/v1/models": ["openai", "models.list"],
  "/v1/messages": ["anthropic", "messages.create"],
};

/** `request` has method, path, headers and the text of the body, null without one. */
export function codeFor(language, site, request) {
  return { curl, python, javascript }[language](site, request);
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curl(site, { method, path, headers, body }) {
  const lines = [`curl ${method === "HEAD" ? "--head" : `-X ${method}`} ${quoted(site + path)}`, `  -H "Authorization: Bearer ${KEY}"`];
  for (const [name, value] of Object.entries(headers)) lines.push(`  -H ${quoted(`${name}: ${value}`)}`);
  if (body !== null) lines.push('  -H "Content-Type: application/json"', `  -d ${quoted(body)}`);
  else if (method === "PATCH" || path.startsWith("/api/blobs/")) lines.push("  --data-binary @FILE");
  return lines.join(" \\\n");
}

function python(site, { method, path, headers, body }) {
  const [library, call] = PYTHON[path] ?? [];
  const value = parsed(body);
  if (!library) return pythonWithHttpx(site, { method, path, headers, value });
  const base = { openai: `OpenAI(base_url="${site}/v1", api_key="${KEY}")`, anthropic: `Anthropic(base_url="${site}", api_key="${KEY}")` }[library];
  const client = base ?? `Client(host="${site}", headers={"Authorization": "Bearer ${KEY}"})`;
  const name = client.split("(")[0];
  const streams = value?.stream === true;
  const shown = streams ? ["for part in answer:", "    print(part)"] : ["print(answer)"];
  const given = Object.entries(value ?? {}).map(([field, item]) => `    ${field === "from" ? "from_" : field}=${literal(item, 4)},`);
  const asked = given.length ? [`answer = client.${call}(`, ...given, ")"] : [`answer = client.${call}()`];
  return [`from ${library} import ${name}`, "", `client = ${client}`, ...asked, ...shown].join("\n");
}

function pythonWithHttpx(site, { method, path, headers, value }) {
  const given = { Authorization: `Bearer ${KEY}`, ...headers };
  const lines = [`    "${method}",`, `    ${literal(site + path)},`, `    headers=${literal(given, 4)},`];
  if (value !== null) lines.push(`    json=${literal(value, 4)},`);
  return ["import httpx", "", "answer = httpx.request(", ...lines, "    timeout=None,", ")", "print(answer.text)"].join("\n");
}

function javascript(site, { method, path, headers, body }) {
  const given = { Authorization: `Bearer ${KEY}`, ...headers, ...(body === null ? {} : { "Content-Type": "application/json" }) };
  const value = parsed(body);
  const lines = [`  method: "${method}",`, `  headers: ${indented(JSON.stringify(given, null, 2))},`];
  if (value !== null) lines.push(`  body: JSON.stringify(${indented(JSON.stringify(value, null, 2))}),`);
  return [
    `const response = await fetch(${JSON.stringify(site + path)}, {`,
    ...lines,
    "});",
    "for await (const part of response.body.pipeThrough(new TextDecoderStream())) {",
    "  console.log(part);",
    "}",
  ].join("\n");
}

const indented = (text) => text.replaceAll("\n", "\n  ");

function parsed(body) {
  try {
    return body === null ? null : JSON.parse(body);
  } catch {
    return {};
  }
}

/** A JSON value as Python writes it. */
function literal(value, indent = 0) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = " ".repeat(indent + 4);
  const items = Array.isArray(value)
    ? value.map((item) => inner + literal(item, indent + 4))
    : Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${literal(item, indent + 4)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return items.length ? `${open}\n${items.join(",\n")},\n${" ".repeat(indent)}${close}` : open + close;
}
