// For tests: the Redis server that all of them share, each with a key prefix of its own.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "adapters/redis/url.h"

namespace simplechat::adapters::redis {

// SIMPLECHAT_TEST_REDIS_URL.
inline Url shared_server() {
  const char* text = std::getenv("SIMPLECHAT_TEST_REDIS_URL");
  if (text == nullptr) throw std::runtime_error("SIMPLECHAT_TEST_REDIS_URL is not set: redis://127.0.0.1:6379");
  const auto url = parse_url(text);
  if (!url) throw std::runtime_error("SIMPLECHAT_TEST_REDIS_URL: " + url.error());
  return *url;
}

}  // namespace simplechat::adapters::redis
