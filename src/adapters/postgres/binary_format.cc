#include "adapters/postgres/binary_format.h"

#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

namespace simplechat::adapters::postgres {
namespace {

static_assert(std::endian::native == std::endian::little, "the network's byte order is made by swapping");

// The array's header: dimensions, whether there are nulls, element type; then length and first index of the dimension.
constexpr std::size_t kCountOffset = 12;

template <class Integer>
void append_big_endian(std::string& out, Integer value) {
  const Integer swapped = std::byteswap(value);
  out.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}

}  // namespace

Array::Array(Of element) {
  append_big_endian<std::uint32_t>(bytes_, 1);
  append_big_endian<std::uint32_t>(bytes_, 0);
  append_big_endian(bytes_, static_cast<std::uint32_t>(element));
  append_big_endian<std::uint32_t>(bytes_, 0);
  append_big_endian<std::uint32_t>(bytes_, 1);
}

void Array::add(std::string_view text_or_bytes) {
  append_big_endian(bytes_, static_cast<std::uint32_t>(text_or_bytes.size()));
  bytes_.append(text_or_bytes);
  ++count_;
}

void Array::add(std::int64_t bigint) {
  append_big_endian<std::uint32_t>(bytes_, sizeof bigint);
  append_big_endian(bytes_, bigint);
  ++count_;
}

std::string Array::take() {
  std::string count;
  append_big_endian(count, count_);
  bytes_.replace(kCountOffset, count.size(), count);
  return std::move(bytes_);
}

Parameters& Parameters::text(std::string_view value) {
  values_.emplace_back(value);
  return *this;
}

Parameters& Parameters::bigint(std::int64_t value) {
  append_big_endian(values_.emplace_back(), value);
  return *this;
}

Parameters& Parameters::array(Array value) {
  values_.push_back(value.take());
  return *this;
}

std::string_view Rows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::bigint(int row, int column) const {
  std::int64_t value = 0;
  const std::string_view bytes = text(row, column);
  assert(bytes.size() == sizeof value);  // the statement says so by a cast
  std::memcpy(&value, bytes.data(), sizeof value);
  return std::byteswap(value);
}

bool Rows::boolean(int row, int column) const { return text(row, column) == std::string_view("\1"); }

}  // namespace simplechat::adapters::postgres
