import assert from "node:assert/strict";
import { test } from "node:test";
import { replaced, wordAt } from "../../static/js/word.js";

const word = (text) => wordAt(text.replace("|", ""), text.indexOf("|")).word;

test("the word is what is written of it so far", () => {
  assert.equal(word("mail sta|"), "sta");
  assert.equal(word("mail sta|te:x"), "sta");
  assert.equal(word("mail |"), "");
});

test("dashes and parentheses before a word are not part of it", () => {
  assert.equal(word("-state|"), "state");
  assert.equal(word("(one OR two|"), "two");
});

test("quotes hold a word together", () => {
  assert.equal(word('x name:="a b|'), 'name:="a b');
  assert.equal(word('"a b" c|'), "c");
  assert.equal(word('"a \\" b|'), '"a \\" b');
});

test("a suggestion takes the place of the whole word, and a blank follows it", () => {
  const text = "mail sta and";
  assert.deepEqual(replaced(text, wordAt(text, 7), "state:"), {
    text: "mail state: and",
    caret: 11,
  });
  assert.deepEqual(replaced("-wor", wordAt("-wor", 4), "worker:=w1"), {
    text: "-worker:=w1 ",
    caret: 12,
  });
});
