// Whatever the headers, an opening handshake is refused with a status and a reason, or answered with a key that no
// header of the answer could be split by. The input's lines are the headers' values.

#include <array>
#include <cstdint>
#include <string>

#include "runtime/fuzz_target.h"
#include "websocket/handshake.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = text_of(data, size);
  std::array<std::string_view, 6> lines;
  for (std::string_view& line : lines) line = take_line(text);
  const websocket::UpgradeHeaders headers{.method = lines[0],
                                          .http_version = lines[1],
                                          .connection = lines[2],
                                          .upgrade = lines[3],
                                          .sec_websocket_version = lines[4],
                                          .sec_websocket_key = lines[5]};
  const auto accept = websocket::check_upgrade(headers);
  if (!accept) {
    require((accept.error().status == 400 || accept.error().status == 426) && !accept.error().message.empty());
    return 0;
  }
  require(headers.method == "GET" && headers.http_version == "1.1");
  require(accept->size() == 28 && accept->ends_with('=') && accept->find_first_of("\r\n") == std::string::npos);
  require(websocket::switching_protocols(*accept).ends_with("\r\n\r\n"));
  return 0;
}
