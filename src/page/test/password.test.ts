// spec/page.md · Unit tests
import assert from "node:assert/strict";
import { test } from "node:test";
import { canHash, checkNewPassword, hashPassword, normalForm } from "../src/password.ts";
import { description } from "./repository.ts";

test("passwords are hashed as the description's vectors are", async () => {
  assert.ok(canHash());
  assert.ok(description.vectors.hashedPass.length >= 7);
  for (const { username, password, hashedPass } of description.vectors.hashedPass) {
    assert.equal(await hashPassword(username, normalForm(password)), hashedPass, username);
  }
});

test("a new password has eight characters, and is neither name nor address", () => {
  assert.equal(checkNewPassword("1234567", "alice", ""), "short");
  assert.equal(checkNewPassword("e\u0301".repeat(7), "alice", ""), "short");
  assert.equal(checkNewPassword("\u{1F680}".repeat(7), "alice", ""), "short");
  assert.equal(checkNewPassword("\u{1F680}".repeat(8), "alice", ""), null);
  assert.equal(checkNewPassword("Alice.B_c-9", "alice.b_c-9", ""), "name");
  assert.equal(checkNewPassword("A@Example.org", "alice", "a@example.org"), "email");
  assert.equal(checkNewPassword("        ", "alice", ""), null);
});
