#include "wire/revocation_body.h"

#include <utility>

#include "wire/changes_body.h"
#include "wire/json.h"
#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

RevocationRequest read_request(ObjectReader& reader) {
  RevocationRequest request{};
  const std::string_view user = reader.user("user", Presence::optional);
  const std::string_view token = reader.text("jti", 1, kTokenIdBytesMax, Presence::optional);
  request.what = token.empty() ? chat::Revoked::user : chat::Revoked::token;
  request.subject = token.empty() ? user : token;
  request.issued_until_s = reader.optional_integer("issuedUntil", 0, kSecondsMax);
  request.kept_until_s = reader.optional_integer("until", 0, kSecondsMax);
  if (user.empty() == token.empty() && !reader.failed()) {
    reader.fail({chat::ErrorCode::bad_frame, "give \"user\" or \"jti\", one of them"});
  }
  if (!token.empty() && request.issued_until_s && !reader.failed()) {
    reader.fail({chat::ErrorCode::bad_frame, "\"issuedUntil\" goes with \"user\""});
  }
  return request;
}

chat::Revocation read_revocation(ObjectReader& reader) {
  RevocationRequest request = read_request(reader);
  if (!request.kept_until_s && !reader.failed()) reader.fail("until", "is missing", "an integer");
  return {.what = request.what,
          .subject = std::move(request.subject),
          .issued_until_s = request.issued_until_s.value_or(0),
          .kept_until_s = request.kept_until_s.value_or(0)};
}

std::vector<chat::Revocation> read_revocations(ObjectReader& reader) {
  std::vector<chat::Revocation> revocations;
  const auto entries = reader.array("revocations");
  if (!entries) return revocations;
  if (entries->size() > chat::kRevocationsPerCallMax) {
    reader.fail({chat::ErrorCode::too_large,
                 "at most " + std::to_string(chat::kRevocationsPerCallMax) + " revocations go into one call"});
    return revocations;
  }
  const auto read =
      read_objects(*entries, "revocation", [&](ObjectReader& each) { revocations.push_back(read_revocation(each)); });
  if (!read) reader.fail(read.error());
  return revocations;
}

void append_fields(std::string& out, const chat::Revocation& revocation) {
  const bool of_user = revocation.what == chat::Revoked::user;
  out.append(of_user ? R"("user":)" : R"("jti":)");
  append_json_string(out, revocation.subject);
  if (of_user) {
    out.append(R"(,"issuedUntil":)");
    append_json_integer(out, revocation.issued_until_s);
  }
  out.append(R"(,"until":)");
  append_json_integer(out, revocation.kept_until_s);
}

void append_revocations(std::string& out, std::span<const chat::Revocation> revocations) {
  out.append(R"("revocations":[)");
  for (const chat::Revocation& revocation : revocations) {
    out.append(out.back() == '[' ? "{" : ",{");
    append_fields(out, revocation);
    out.push_back('}');
  }
  out.push_back(']');
}

}  // namespace

chat::Result<RevocationRequest> parse_revocation_request(std::string_view body) {
  return parse_object_with(body, read_request);
}

chat::Result<chat::Revocation> revocation_of(RevocationRequest request, std::int64_t now_s, std::int64_t keep_s) {
  chat::Revocation revocation{.what = request.what,
                              .subject = std::move(request.subject),
                              .kept_until_s = request.kept_until_s.value_or(now_s + keep_s)};
  if (revocation.what == chat::Revoked::user) revocation.issued_until_s = request.issued_until_s.value_or(now_s);
  if (revocation.kept_until_s <= now_s) {
    return chat::fail(chat::ErrorCode::bad_frame, "\"until\" has passed already");
  }
  return revocation;
}

std::string encode_kept(const chat::Revocation& revocation) {
  std::string out = R"({"status":"success",)";
  append_fields(out, revocation);
  return out.append("}");
}

std::string encode_revoke(std::span<const chat::Revocation> revocations) {
  std::string out = "{";
  append_revocations(out, revocations);
  return out.append("}");
}

chat::Result<std::vector<chat::Revocation>> parse_revoke(std::string_view body) {
  return parse_object_with(body, read_revocations);
}

std::string encode_changes(const chat::RevocationChanges& changes) {
  std::string out = begin_changes(changes.version);
  append_flag(out, "all", changes.all);
  append_flag(out, "more", changes.more);
  out.append(",");
  append_revocations(out, changes.revocations);
  return out.append("}");
}

chat::Result<chat::RevocationChanges> parse_changes(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    reader.expect_success();
    chat::RevocationChanges changes{.version = std::string(reader.printable("version", 1, kChangesVersionBytesMax)),
                                    .all = reader.boolean("all"),
                                    .more = reader.boolean("more")};
    changes.revocations = read_revocations(reader);
    return changes;
  });
}

}  // namespace simplechat::wire
