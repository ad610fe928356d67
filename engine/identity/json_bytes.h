// A text that arrives in pieces, as the iterator that nlohmann's parser reads through. It knows the line of
// the byte read last, and it ends early when an allowance is used up: the parser collects a whole text before
// anyone can look at its length, so the length is bounded here. One thread; borrows the text; never fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string_view>

namespace fleet_sim::identity {

// The next piece of a text, valid until the next call; empty at the end.
using NextBytes = std::function<std::string_view()>;

class JsonBytes {
 public:
  explicit JsonBytes(const NextBytes& next) : next_(&next) {}
  JsonBytes(std::string_view text, std::uint32_t line) : line_(line) { begin(text); }

  // From here on at most this many bytes, until the next call. At first there is no limit.
  void allow(std::size_t bytes) { allowance_ = bytes; }
  [[nodiscard]] bool used_up() const { return allowance_ == 0; }

  bool at_end() { return allowance_ == 0 || (position_ == end_ && !refill()); }
  [[nodiscard]] char peek() const { return *position_; }

  void advance() {
    // A line break still belongs to the line it ends: the parser looks one byte past a number.
    line_ += after_line_break_ ? 1u : 0u;
    after_line_break_ = *position_++ == '\n';
    --allowance_;
  }

  // From 1.
  [[nodiscard]] std::uint32_t line() const { return line_; }

 private:
  void begin(std::string_view piece) {
    position_ = piece.data();
    end_ = position_ + piece.size();
  }

  bool refill() {
    if (next_ != nullptr) begin((*next_)());
    return position_ != end_;
  }

  const NextBytes* next_ = nullptr;  // none: there is one piece
  const char* position_ = nullptr;
  const char* end_ = nullptr;  // of the piece
  std::size_t allowance_ = SIZE_MAX;
  std::uint32_t line_ = 1;
  bool after_line_break_ = false;
};

// All copies share one position.
class JsonByteIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  JsonByteIterator() = default;  // the end
  explicit JsonByteIterator(JsonBytes& bytes) : bytes_(&bytes) {}

  char operator*() const { return bytes_->peek(); }
  JsonByteIterator& operator++() {
    bytes_->advance();
    return *this;
  }
  JsonByteIterator operator++(int) { return ++*this; }
  bool operator==(const JsonByteIterator& end) const { return end.bytes_ == nullptr && bytes_->at_end(); }

 private:
  JsonBytes* bytes_ = nullptr;
};

}  // namespace fleet_sim::identity
