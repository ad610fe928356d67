// A connection to a PostgreSQL server. Statements wait for their answers, but never longer than `silence`
// without a sign of life: then the connection is given up, whatever the server is doing. What is sent at once
// is bounded by the caller; libpq keeps no more than that.
//
// One thread at a time. Errors are values: after one of the server's the connection is usable again, once the
// transaction is rolled back; after any other it is closed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/timestamp.h"
#include "postgresql/address.h"

struct pg_conn;
struct pg_result;

namespace fleet_sim::postgresql {

struct SqlError {
  std::string message = {};
  std::string state = {};  // SQLSTATE; empty: the connection is at fault

  [[nodiscard]] bool ok() const { return message.empty(); }
  [[nodiscard]] bool is_class(std::string_view two_letters) const { return state.starts_with(two_letters); }
};

struct Patience {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds silence{30'000};
};

// The parameters $1, $2, … of a statement. Texts are sent as text, everything else in binary.
class Parameters {
 public:
  Parameters& text(std::string_view value) { return add(std::string(value), 0, false); }
  Parameters& text_or_null(std::string_view value);
  Parameters& long_integer(std::int64_t value);
  Parameters& long_integer_or_null(std::optional<std::uint64_t> value);
  Parameters& integer(std::int32_t value);
  Parameters& moment(std::optional<Timestamp> at);
  // An array: `elements` holds so many fields (Fields) of the type with this number.
  Parameters& array(std::uint32_t element_type, std::size_t count, std::string_view elements);

  struct Value {
    std::string bytes;
    std::uint32_t type = 0;  // 0: the server finds out
    bool is_binary = false;
    bool is_null = false;
  };
  [[nodiscard]] const std::vector<Value>& values() const { return values_; }

 private:
  Parameters& add(std::string bytes, std::uint32_t type, bool is_binary);

  std::vector<Value> values_;
};

// A row of an answer, in binary. Valid during the call that it is handed to.
class AnswerRow {
 public:
  AnswerRow(const pg_result& result, int row) : result_(result), row_(row) {}

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  // Of any width.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] bool boolean(int column) const;
  [[nodiscard]] Timestamp moment(int column) const;

 private:
  const pg_result& result_;
  int row_;
};

class Connection {
 public:
  explicit Connection(Patience patience = {}) : patience_(patience) {}

  SqlError open(const Address& address);
  void close() { connection_.reset(); }
  [[nodiscard]] bool is_open() const { return connection_ != nullptr; }
  [[nodiscard]] int server_version() const;  // 150018
  // As SQL takes the name, for messages; of an open connection.
  [[nodiscard]] std::string quoted_user() const;

  // Statements without parameters and answers, several if need be.
  SqlError execute(const std::string& sql);
  // One statement. `affected` becomes the number of rows that it has changed.
  using OnRow = std::function<void(const AnswerRow&)>;
  SqlError run(const std::string& sql, const Parameters& parameters, const OnRow& on_row = {},
               std::uint64_t* affected = nullptr);

  // COPY … FROM STDIN: begin, any number of pieces, end. The end alone says whether all was taken.
  SqlError begin_copy(const std::string& sql);
  SqlError copy(std::string_view piece);
  SqlError end_copy();

  // COPY … TO STDOUT: begin, then pieces until there is an empty one.
  SqlError begin_copy_out(const std::string& sql);
  SqlError read_copy(std::string& piece);

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  struct Clear {
    void operator()(pg_result* result) const;
  };
  using Result = std::unique_ptr<pg_result, Clear>;

  SqlError finish_opening();
  SqlError turned_away();
  SqlError wait(bool to_write, std::chrono::milliseconds at_most);
  SqlError flush();
  SqlError next_result(Result& result);
  SqlError take_results(const OnRow& on_row, std::uint64_t* affected);
  SqlError error_of(const pg_result& result) const;
  SqlError lost();
  SqlError begin_copying(const std::string& sql, bool out);

  Patience patience_;
  std::unique_ptr<pg_conn, Finish> connection_;
};

// A name as SQL takes it, whatever is in it.
std::string quoted_name(std::string_view name);

}  // namespace fleet_sim::postgresql
