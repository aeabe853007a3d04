#include "ctl/answer_text.h"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace simplechat::ctl {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

bool is_control(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 || byte == 0x7f;
}

std::string safe(std::string_view text) { return without_control_characters(text); }

std::string text_of(element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return text.empty() ? "-" : safe(text);
  return safe(simdjson::minify(value));
}

// Columns by the keys of the first row.
std::string table_of(array rows) {
  std::vector<std::vector<std::string>> cells;
  for (const element row : rows) {
    object fields;
    if (row.get(fields) != simdjson::SUCCESS) {
      cells.push_back({text_of(row)});
      continue;
    }
    if (cells.empty()) {
      cells.emplace_back();
      for (const auto field : fields) cells.back().push_back(safe(field.key));
    }
    cells.emplace_back();
    for (const auto field : fields) cells.back().push_back(text_of(field.value));
  }
  std::vector<std::size_t> widths;
  for (const auto& row : cells) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] + 2 - row[i].size(), ' ');
    }
    out += '\n';
  }
  return out;
}

std::string text_of_object(object fields) {
  std::string out;
  for (const auto field : fields) {
    if (field.key == "status") continue;
    object inner;
    array rows;
    if (field.value.get(rows) == simdjson::SUCCESS) {
      out += rows.size() == 0 ? safe(field.key) + ": none\n" : table_of(rows);
    } else if (field.value.get(inner) == simdjson::SUCCESS) {
      out += text_of_object(inner);
    } else if (std::string_view text; field.value.get(text) != simdjson::SUCCESS || !text.empty()) {
      out += safe(field.key) + ": " + text_of(field.value) + "\n";
    }
  }
  return out;
}

}  // namespace

std::string without_control_characters(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, is_control, '?');
  for (std::size_t at = out.find('\xc2'); at != std::string::npos; at = out.find('\xc2', at + 1)) {
    // U+0080 to U+009F are control characters, too.
    if (at + 1 < out.size() && static_cast<unsigned char>(out[at + 1]) < 0xa0) out.replace(at, 2, "?");
  }
  return out;
}

std::string text_of_answer(std::string_view json) {
  simdjson::dom::parser parser;
  object fields;
  if (parser.parse(json.data(), json.size()).get(fields) != simdjson::SUCCESS) return safe(json) + "\n";
  return text_of_object(fields);
}

std::string text_of_error(std::string_view json) {
  simdjson::dom::parser parser;
  object fields;
  std::string_view code;
  std::string_view message;
  if (parser.parse(json.data(), json.size()).get(fields) != simdjson::SUCCESS ||
      fields["code"].get(code) != simdjson::SUCCESS || fields["message"].get(message) != simdjson::SUCCESS) {
    return safe(json);
  }
  return safe(code) + ": " + safe(message);
}

}  // namespace simplechat::ctl
