// Waits for all parts of one publish() and answers its caller.
//
// Shared by the parts, and gone with the last of them: until then its bytes count as unconfirmed.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/rabbitmq/body_assembler.h"
#include "chat/error.h"
#include "runtime/reply.h"

namespace simplechat::adapters::rabbitmq {

// The caller's end: it stops waiting at its own deadline, whatever the broker's connection does.
using Receipt = runtime::Reply<chat::Result<void>>;

class Confirmation final : public PublishObserver {
 public:
  Confirmation(std::shared_ptr<Receipt> receipt, std::atomic<std::size_t>& unconfirmed_bytes)
      : receipt_(std::move(receipt)), unconfirmed_bytes_(unconfirmed_bytes) {}
  ~Confirmation() override { unconfirmed_bytes_ -= bytes_; }
  Confirmation(const Confirmation&) = delete;
  Confirmation& operator=(const Confirmation&) = delete;

  // Before any part is handed to a producer.
  void expect_part(std::size_t bytes) {
    bytes_ += bytes;
    unconfirmed_bytes_ += bytes;
    ++parts_left_;
  }

  void confirmed() override {
    if (--parts_left_ == 0) receipt_->set(chat::Result<void>{});
  }
  void failed(std::string_view reason) override {
    receipt_->set(chat::fail(chat::ErrorCode::unavailable, std::string(reason)));
  }

 private:
  const std::shared_ptr<Receipt> receipt_;
  std::atomic<std::size_t>& unconfirmed_bytes_;
  std::size_t bytes_ = 0;
  std::atomic<std::size_t> parts_left_ = 0;  // parts are confirmed by several producers
};

}  // namespace simplechat::adapters::rabbitmq
