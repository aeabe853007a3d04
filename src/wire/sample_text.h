// Texts that the tests of this room send through every encoder and parser. For tests only.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "chat/limits.h"

namespace simplechat::wire {

// Scripts, emoji with joiners, every control character, what JSON escapes, and the longest payload.
inline std::vector<std::string> sample_texts() {
  std::string controls;
  for (char c = 0; c < 0x20; ++c) controls.push_back(c);
  controls.append("\x7f\"\\/");
  return {
      "hello",
      "Grüße, schöne Straße",
      "Привет, как дела?",
      "你好,世界",
      "こんにちは",
      "안녕하세요",
      "مرحبا بالعالم",
      "नमस्ते दुनिया",
      "👩‍👩‍👧‍👦 🇳🇴 👍🏽",
      "\xf4\x8f\xbf\xbf \xef\xbf\xbf \xe2\x80\xa8",  // the last code point, a noncharacter, a line separator
      controls,
      R"({"type":"normal","payload":"not \"this\" one"})",
      std::string(chat::limits::kPayloadBytesMax, 'x'),
      std::string(chat::limits::kPayloadBytesMax, '\x01'),
  };
}

// Up to `characters_max` characters drawn from all of Unicode, those that JSON escapes more often than the others.
inline std::string random_text(std::mt19937_64& random, std::size_t characters_max) {
  const auto below = [&random](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  std::string text;
  for (std::size_t left = random() % (characters_max + 1); left > 0; --left) {
    std::uint32_t c = 0;
    switch (below(6)) {
      case 0:
        c = below(0x20);
        break;
      case 1:
        c = static_cast<unsigned char>("\"\\/"[below(3)]);
        break;
      case 2:
        c = below(0x80);
        break;
      case 3:
        c = 0x80 + below(0x780);
        break;
      case 4:
        c = 0x800 + below(0xd000);
        break;  // below the surrogates
      default:
        c = 0xe000 + below(0x102000);
        break;
    }
    const auto tail = [c](unsigned shift) { return static_cast<char>(0x80 | (c >> shift & 0x3f)); };
    if (c < 0x80) {
      text.push_back(static_cast<char>(c));
    } else if (c < 0x800) {
      text.append({static_cast<char>(0xc0 | c >> 6), tail(0)});
    } else if (c < 0x10000) {
      text.append({static_cast<char>(0xe0 | c >> 12), tail(6), tail(0)});
    } else {
      text.append({static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0)});
    }
  }
  return text;
}

}  // namespace simplechat::wire
