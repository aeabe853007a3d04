// Port: records without a lease, as clients of the original SimpleChat's directory write them: one value per key, there
// until it is removed or nobody has written it for a day. They stand beside the leased records of chat::Directory,
// which neither change them nor are changed by them; locate() does not return them, because nobody promises that their
// gateway lives.
//
// Implementation: adapters/redis. Every call ends within its deadline with a value or ErrorCode::unavailable, and may
// be repeated.
#pragma once

#include <optional>
#include <string>

#include "chat/error.h"
#include "chat/task.h"

namespace simplechat::chat {

class PlainRecords {
 public:
  virtual ~PlainRecords() = default;

  // `key`: a user id. Replaces an earlier value.
  virtual Task<Result<void>> set_plain(const std::string& key, const std::string& value) = 0;
  // No effect if there is none.
  virtual Task<Result<void>> remove_plain(const std::string& key) = 0;
  virtual Task<Result<std::optional<std::string>>> find_plain(const std::string& key) = 0;
};

}  // namespace simplechat::chat
