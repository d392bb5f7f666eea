import assert from "node:assert/strict";
import { test } from "node:test";
import { PublishSyntaxError, parsePublish } from "./publish-syntax.ts";

test("ports to publish, in every form", () => {
  const tcp = { protocol: "tcp" };
  assert.deepEqual(parsePublish("8080"), { ...tcp, hostPort: 8080, guestPort: 8080 });
  assert.deepEqual(parsePublish("8080:80"), { ...tcp, hostPort: 8080, guestPort: 80 });
  assert.deepEqual(parsePublish("0:80"), { ...tcp, hostPort: 0, guestPort: 80 });
  assert.deepEqual(parsePublish("0.0.0.0:8080:80/tcp"), {
    ...tcp,
    hostAddress: "0.0.0.0",
    hostPort: 8080,
    guestPort: 80,
  });
  assert.deepEqual(parsePublish("[::1]:8080:80"), { ...tcp, hostAddress: "::1", hostPort: 8080, guestPort: 80 });
  assert.deepEqual(parsePublish("5353:53/udp"), { protocol: "udp", hostPort: 5353, guestPort: 53 });
  for (const text of [
    "",
    "x",
    "80:",
    ":80",
    "70000",
    "80:70000",
    "80:0",
    "1:2:3:4",
    "80/icmp",
    "-1",
    "::1:80:80",
    "80:80/",
  ]) {
    assert.throws(() => parsePublish(text), PublishSyntaxError, text);
  }
});
