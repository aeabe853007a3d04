// Whatever the bytes, a token that was not signed is refused. What is signed is checked by the other half: the input as
// claims, and as a header, under a valid signature gives a user id or `unauthorized`. And as a key set, the input is
// refused or has keys.

#include <cstdint>
#include <string>

#include "adapters/jwt/jwt_authenticator.h"
#include "adapters/jwt/key_set.h"
#include "adapters/jwt/test_signer.h"
#include "chat/ids.h"
#include "runtime/fuzz_target.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

const std::string kSecret(32, 's');

bool is_refusal_or_user(const chat::Result<chat::Identity>& identity) {
  return identity ? chat::is_user_id(identity->user) : identity.error().code == chat::ErrorCode::unauthorized;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto signer = adapters::jwt::TestSigner::hs256(kSecret);
  static const auto authenticator =
      adapters::jwt::with_secret(kSecret, {.clock = [] { return std::int64_t{1'000'000}; }});
  const std::string_view text = text_of(data, size);
  require(!authenticator->authenticate("", text) && !authenticator->authenticate("alice", text));
  require(is_refusal_or_user(authenticator->authenticate("", signer.token(text))));
  require(is_refusal_or_user(authenticator->authenticate("", signer.token(text, R"({"sub":"alice"})"))));
  const auto keys = adapters::jwt::KeySet::parse(text);
  require(keys ? (*keys)->size() >= 1 && (*keys)->size() <= adapters::jwt::kKeysMax : !keys.error().message.empty());
  return 0;
}
