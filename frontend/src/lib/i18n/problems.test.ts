import i18next from "i18next";
import { beforeAll, describe, expect, it } from "vitest";
import { ApiError, NetworkError, SignedOut } from "@/lib/api/errors";
import { startTexts } from "./index";
import { sentenceOf } from "./problems";

const sentence = (error: unknown) => sentenceOf(error, i18next.t);

describe("the sentence of an error", () => {
  beforeAll(startTexts);

  it("is ours where its code is known", () => {
    expect(sentence(new ApiError(503, "model_unavailable", "x", 5))).toBe(
      "The model does not answer. Try again in a moment.",
    );
    expect(sentence(new NetworkError())).toBe("The server cannot be reached.");
    expect(sentence(new SignedOut())).toBe("You are signed out.");
  });

  it("is the server's where its code is not known, and never empty", () => {
    expect(sentence(new ApiError(400, "brand_new", "Something about it."))).toBe("Something about it.");
    expect(sentence(new ApiError(500, "brand_new", ""))).toBe("Something went wrong.");
    expect(sentence(new Error("internal"))).toBe("Something went wrong.");
  });

  it.each([
    [1, "in 1 second"],
    [89, "in 89 seconds"],
    [90, "in 2 minutes"],
    [5_400, "in 2 hours"],
    [200_000, "in 3 days"],
  ])("tells of a limit of %d seconds when it resets", (seconds, when) => {
    const error = new ApiError(429, "too_many_requests", "x", seconds);
    expect(sentence(error)).toBe(`That was too often. You can try again ${when}.`);
  });
});
