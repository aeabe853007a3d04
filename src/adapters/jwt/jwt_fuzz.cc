// Whatever the bytes, a token that was not signed is refused. What is signed is checked by the other half: the input as
// claims, and as a header, under a valid signature gives a user id or `unauthorized`.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "adapters/jwt/jwt_authenticator.h"
#include "adapters/jwt/test_signer.h"
#include "chat/ids.h"

namespace {

using namespace simplechat;

void require(bool holds) {
  if (!holds) std::abort();
}

const std::string kSecret(32, 's');

bool is_refusal_or_user(const chat::Result<std::string>& user) {
  return user ? chat::is_user_id(*user) : user.error().code == chat::ErrorCode::unauthorized;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto signer = adapters::jwt::TestSigner::hs256(kSecret);
  static const auto authenticator = adapters::jwt::with_secret(kSecret, [] { return std::int64_t{1'000'000}; });
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(!authenticator->authenticate("", text) && !authenticator->authenticate("alice", text));
  require(is_refusal_or_user(authenticator->authenticate("", signer.token(text))));
  require(is_refusal_or_user(authenticator->authenticate("", signer.token(text, R"({"sub":"alice"})"))));
  return 0;
}
