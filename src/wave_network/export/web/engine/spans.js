export function spansOf(tokenizer, text) { return []; }
