// Values in PostgreSQL's binary formats, to and from libpq. Binary, because a payload may hold any bytes and because
// nothing is escaped, parsed or rounded on the way.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simplechat::adapters::postgres {

// A one-dimensional array without nulls. The SQL casts its parameter to the same type ($1::text[]).
class Array {
 public:
  enum class Of : std::uint32_t { bigint = 20, text = 25, bytea = 17 };  // object ids in pg_type

  explicit Array(Of element);
  void add(std::string_view text_or_bytes);
  void add(std::int64_t bigint);
  // The encoded array. Call it once, when all elements are in.
  [[nodiscard]] std::string take();

 private:
  std::string bytes_;
  std::uint32_t count_ = 0;
};

// The values of $1, $2, ... of one statement.
class Parameters {
 public:
  Parameters& text(std::string_view value);
  Parameters& bigint(std::int64_t value);  // also xid8
  Parameters& array(Array value);

  [[nodiscard]] const std::vector<std::string>& values() const { return values_; }

 private:
  std::vector<std::string> values_;
};

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

// The rows of a result. Views are valid as long as this.
class Rows {
 public:
  explicit Rows(ResultPtr result) : result_(std::move(result)) {}

  [[nodiscard]] int size() const { return PQntuples(result_.get()); }
  [[nodiscard]] bool null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  [[nodiscard]] std::string_view text(int row, int column) const;  // also bytea
  [[nodiscard]] std::int64_t bigint(int row, int column) const;    // also xid8
  [[nodiscard]] bool boolean(int row, int column) const;

 private:
  ResultPtr result_;
};

}  // namespace simplechat::adapters::postgres
