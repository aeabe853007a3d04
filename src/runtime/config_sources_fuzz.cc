// Configuration as text: a .env file, a TOML file and URLs are refused with a reason, or read; and a password never
// comes through the mask.

#include <array>
#include <cstdint>
#include <string>

#include "runtime/config_sources.h"
#include "runtime/fuzz_target.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  static_cast<void>(accepted(runtime::parse_dotenv(text)));
  static_cast<void>(accepted(runtime::parse_toml(text)));
  const std::array<std::string, 3> schemes{"http", "redis", "amqp"};
  static_cast<void>(runtime::check_url(text, schemes));
  static_cast<void>(runtime::mask_url(text));
  require(runtime::mask_url("redis://user:" + std::string(text) + "@host:1") == "redis://user:***@host:1");
  return 0;
}
