#include "tables/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>

namespace fleet_sim::tables {
namespace {

// In the header of a file.
constexpr std::size_t write_version_at = 18;
constexpr std::size_t read_version_at = 19;

// The file's name as a URI that asks for neither locks nor a log: every byte that a URI gives a meaning to as
// %XX.
std::string immutable_uri(const std::string& path) {
  std::string uri = path.starts_with('/') ? "file://" : "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

// Whether that is how a file in WAL mode fails where nothing can be made beside it.
bool needs_a_log(const StorageError& error) {
  return (error.code & 0xFF) == SQLITE_CANTOPEN || (error.code & 0xFF) == SQLITE_READONLY;
}

// What SQLite calls an I/O error or a file that cannot be opened, by the system's reason.
ErrorClass class_of(int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorClass::full;
    case EROFS:
    case EACCES:
    case EPERM:
      return ErrorClass::read_only;
    default:
      return ErrorClass::io;
  }
}

// SQLite's words alone do not tell a dying disk from a limit on the size of files.
StorageError with_reason(StorageError error, int reason) {
  error.reason = reason;
  if (reason != 0) error.message += fmt::format(": {}", std::strerror(reason));
  return error;
}

// Why the last call of this thread could not map the index of a log, which SQLite does not say.
thread_local int why_not_mapped = 0;

// Whether a file has no holes up to here.
bool has_blocks(int file, off_t end) {
  constexpr off_t block = 512;
  struct stat status {};
  return ::fstat(file, &status) == 0 && status.st_size >= end && status.st_blocks * block >= status.st_size;
}

// Whether this part of a file has its place on the disk; also where the file system cannot tell. One without
// holes has, and to reserve it again would take a file system longer than what is to be written there.
bool has_place(int file, off_t offset, off_t length) {
  if (has_blocks(file, offset + length)) return true;
  int result = 0;
  do {
    result = ::fallocate(file, 0, offset, length);
  } while (result != 0 && errno == EINTR);
  return result == 0 || (errno != ENOSPC && errno != EDQUOT);
}

// SQLite makes the index of a log as long as it is needed by writing a byte for each 4 KiB. On a file system
// with smaller blocks that leaves holes, and on a full disk whoever touches one is killed (SIGBUS). So what
// SQLite is going to write to in memory gets its place on the disk before, also if another program has made
// it.
void* map_with_place(void* address, std::size_t length, int protection, int flags, int file, off_t offset) {
  const bool is_written = (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0;
  if (is_written && !has_place(file, offset, static_cast<off_t>(length))) {
    why_not_mapped = ENOSPC;
    return MAP_FAILED;
  }
  void* const mapped = ::mmap(address, length, protection, flags, file, offset);
  why_not_mapped = mapped == MAP_FAILED ? errno : 0;
  return mapped;
}

// Whoever opens a file first since it was last closed cuts the index of its log to so many bytes, so that
// nobody takes it for one of the log as it is now. Where files are opened again all the time, that is most of
// the work of an opening, for a file system: to free the blocks of the index, and to find others. An index
// whose header is all zeros is made anew as well, and the rest of it with it.
constexpr off_t length_of_new_index = 3;

int cut(int file, off_t length) {
  constexpr std::array<char, 256> zeros{};  // more than the header has
  struct stat status {};
  const bool keeps_place = length == length_of_new_index && ::fstat(file, &status) == 0 &&
                           status.st_size > static_cast<off_t>(zeros.size());
  if (!keeps_place) return ::ftruncate(file, length);
  return ::pwrite(file, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()) ? 0 : -1;
}

StorageError last_call_failed(int code) {
  const int reason = errno;
  const bool is_full = class_of(reason) == ErrorClass::full;
  return {is_full ? SQLITE_FULL : code, std::strerror(reason), reason};
}

// A part of a file's bytes, from `offset` on.
StorageError write_part(int file, std::span<const unsigned char> part, std::size_t offset) {
  while (!part.empty()) {
    const ssize_t written = ::pwrite(file, part.data(), part.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return last_call_failed(SQLITE_IOERR_WRITE);
    part = part.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::size_t>(written);
  }
  return {};
}

// Without the blocks of zeros, of which a page with few rows mostly consists: as holes in the file they take
// neither time nor space on the disk.
StorageError write_parts(int file, std::span<const unsigned char> bytes) {
  constexpr std::size_t block = 4'096;
  const auto is_hole = [&](std::size_t offset) {
    return std::ranges::all_of(bytes.subspan(offset, std::min(block, bytes.size() - offset)),
                               [](unsigned char byte) { return byte == 0; });
  };
  if (::ftruncate(file, static_cast<off_t>(bytes.size())) != 0) return last_call_failed(SQLITE_IOERR_WRITE);
  StorageError error;
  for (std::size_t first = 0; error.ok() && first < bytes.size();) {
    std::size_t end = first;
    while (end < bytes.size() && !is_hole(end)) end += block;
    end = std::min(end, bytes.size());
    error = write_part(file, bytes.subspan(first, end - first), first);
    first = end + block;
  }
  return error;
}

// In place of what is there.
StorageError write_file(const std::string& path, std::span<const unsigned char> bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return last_call_failed(SQLITE_CANTOPEN);
  StorageError error = write_parts(file, bytes);
  if (::close(file) != 0 && error.ok()) error = last_call_failed(SQLITE_IOERR_CLOSE);
  if (!error.ok()) ::unlink(path.c_str());
  return error;
}

}  // namespace

ErrorClass StorageError::error_class() const {
  // Without room the log's index cannot grow either, which SQLite calls an I/O error.
  if (code == SQLITE_IOERR_SHMSIZE) return ErrorClass::full;
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorClass::busy;
    case SQLITE_FULL:
      return ErrorClass::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorClass::corrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorClass::read_only;
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      return ErrorClass::schema;
    default:
      return class_of(reason);
  }
}

void Statement::bind(int parameter, std::string_view text) {
  // A null pointer would be bound as NULL, and an empty view may have one.
  const char* data = text.empty() ? "" : text.data();
  sqlite3_bind_text(statement_.get(), parameter, data, static_cast<int>(text.size()), SQLITE_STATIC);
}

void Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
}

void Statement::bind(int parameter, double value) {
  sqlite3_bind_double(statement_.get(), parameter, value);
}

void Statement::bind_null(int parameter) {
  sqlite3_bind_null(statement_.get(), parameter);
}

int Statement::step() {
  return sqlite3_step(statement_.get());
}

int Statement::reset() {
  return sqlite3_reset(statement_.get());
}

int Statement::run() {
  step();
  return reset();
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

int Statement::type(int column) const {
  return sqlite3_column_type(statement_.get(), column);
}

StorageError Database::open(const std::string& path, const std::string& vfs) {
  return open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs.empty() ? nullptr : vfs.c_str());
}

StorageError Database::open_existing(const std::string& path, const std::string& vfs) {
  return open_with(path, SQLITE_OPEN_READWRITE, vfs.empty() ? nullptr : vfs.c_str());
}

bool has_log(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path + "-wal", ignored);
}

bool is_empty_file(const std::string& path) {
  std::error_code error;
  const auto is_empty = [&](const std::string& name) {
    return std::filesystem::file_size(name, error) == 0 && !error;
  };
  return is_empty(path) && (!has_log(path) || is_empty(path + "-wal"));
}

bool is_finished_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(write_version_at);
  return file.get() == static_cast<int>(Database::Journal::rollback) && !has_log(path);
}

StorageError Database::open_to_read(const std::string& path) {
  return open_to_read(path, has_log(path));
}

StorageError Database::open_to_read(const std::string& path, bool had_log) {
  constexpr int longest_wait_ms = 5'000;
  StorageError error = open_with(path, SQLITE_OPEN_READWRITE, nullptr);
  if (!error.ok()) error = open_with(path, SQLITE_OPEN_READONLY, nullptr);
  if (!error.ok()) return error;
  sqlite3_busy_timeout(database_.get(), longest_wait_ms);
  if (!had_log && needs_a_log(execute("PRAGMA schema_version"))) {
    error = open_with(immutable_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr);
    if (!error.ok()) return error;
  }
  keep_log_on_close(had_log);
  return execute("PRAGMA query_only = ON");
}

StorageError Database::open_with(const std::string& path, int flags, const char* vfs) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  database_.reset(raw);
  visitor_.reset();
  if (code == SQLITE_OK) return {};
  StorageError failure = with_reason({code, raw != nullptr ? sqlite3_errmsg(raw) : "out of memory"},
                                     raw != nullptr ? sqlite3_system_errno(raw) : 0);
  close();
  return failure;
}

StorageError Database::execute(const char* sql) {
  errno = 0;
  return error_of(sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr));
}

StorageError Database::prepare(std::string_view sql, Statement& statement) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  statement.statement_.reset(raw);
  return error_of(code);
}

StorageError Database::prepare_visits(std::string_view columns, std::string_view from, Statement& statement) {
  if (!visitor_) {
    auto visitor = std::make_unique<Visitor>();
    const int code = sqlite3_create_function_v2(database_.get(), "visit", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                                visitor.get(), nullptr, Visitor::step, Visitor::end, nullptr);
    if (code != SQLITE_OK) return error_of(code);
    visitor_ = std::move(visitor);
  }
  std::string sql = "SELECT visit(";
  sql.append(columns).append(") ").append(from);
  return prepare(sql, statement);
}

void Database::Visitor::step(sqlite3_context* context, int, sqlite3_value** columns) noexcept {
  auto& visitor = *static_cast<Visitor*>(sqlite3_user_data(context));
  try {
    visitor.has_enough = !visitor.take(visitor.taker, VisitedRow(columns));
  } catch (...) {
    visitor.thrown = std::current_exception();
  }
  if (visitor.has_enough || visitor.thrown) sqlite3_result_error_code(context, SQLITE_ABORT);
}

StorageError Database::run_visits(Statement& statement) {
  int code = statement.step();
  while (code == SQLITE_ROW) code = statement.step();  // what the aggregate comes to: nothing
  StorageError error = visitor_->has_enough ? StorageError() : error_of(code);
  statement.reset();
  if (visitor_->thrown) std::rethrow_exception(std::exchange(visitor_->thrown, nullptr));
  return error;
}

std::int64_t Database::query_integer(std::string_view sql, std::int64_t otherwise) {
  Statement statement;
  if (!prepare(sql, statement).ok() || statement.step() != SQLITE_ROW || statement.type(0) == SQLITE_NULL) {
    return otherwise;
  }
  return statement.integer(0);
}

bool Database::has_table(std::string_view name) {
  Statement row;
  if (!prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", row).ok()) return false;
  row.bind(1, name);
  return row.step() == SQLITE_ROW;
}

StorageError Database::error() const {
  const int code = sqlite3_extended_errcode(database_.get());
  if (code == SQLITE_IOERR_SHMMAP)
    return with_reason({code, sqlite3_errmsg(database_.get())}, why_not_mapped);
  // Otherwise that of an earlier error.
  const bool has_reason = (code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN;
  int reason = has_reason ? sqlite3_system_errno(database_.get()) : 0;
  // Of a COMMIT that failed SQLite does not keep it; no call has failed since.
  if ((code & 0xFF) == SQLITE_IOERR && reason == 0) reason = errno;
  return with_reason({code, sqlite3_errmsg(database_.get())}, reason);
}

StorageError Database::error_of(int code) const {
  return code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE ? StorageError{} : error();
}

void Database::count_log_pages() {
  log_pages_ = std::make_unique<std::size_t>(0);
  const auto count = [](void* log_pages, sqlite3*, const char*, int pages) {
    *static_cast<std::size_t*>(log_pages) = static_cast<std::size_t>(pages);
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database_.get(), count, log_pages_.get());
}

Copied Database::copy_log() {
  int in_log = 0;
  int copied = -1;
  const int code =
      sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  if (code != SQLITE_OK) return Copied::not_now;
  return in_log == copied ? Copied::all : Copied::up_to_reader;
}

bool Database::has_empty_log() const {
  const char* const file = sqlite3_db_filename(database_.get(), "main");
  const char* const log = file == nullptr ? nullptr : sqlite3_filename_wal(file);
  struct stat status {};
  return log != nullptr && ::stat(log, &status) == 0 && status.st_size == 0;
}

bool Database::empty_log() {
  const int code =
      sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code != SQLITE_OK) return false;
  if (log_pages_) *log_pages_ = 0;
  return true;
}

StorageError Database::find_log(bool& keeps_log) {
  return query("PRAGMA journal_mode", [&](const Statement& mode) { keeps_log = mode.text(0) == "wal"; });
}

// The header alone changes after the copy, in its first hundred bytes, and is right whether or not that
// reaches the disk. So it is worth neither a rollback journal, a file to make and to remove again, nor
// another wait for the disk.
StorageError Database::give_up_log() {
  bool keeps_log = false;
  StorageError error = find_log(keeps_log);
  if (!error.ok() || !keeps_log) return error;
  if (copy_log() == Copied::all) execute("PRAGMA synchronous = OFF");
  error = execute("PRAGMA journal_mode = MEMORY");
  if (!error.ok()) execute("PRAGMA synchronous = FULL");
  return error;
}

StorageError Database::copy_to(const std::string& path, Journal journal) const {
  struct Free {
    void operator()(unsigned char* bytes) const { sqlite3_free(bytes); }
  };
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char[], Free> bytes(sqlite3_serialize(database_.get(), "main", &size, 0));
  if (!bytes) return {SQLITE_NOMEM, "out of memory"};
  bytes[write_version_at] = bytes[read_version_at] = static_cast<unsigned char>(journal);
  return write_file(path, {bytes.get(), static_cast<std::size_t>(size)});
}

void Database::interrupt_when(const std::atomic<bool>& asked) {
  constexpr int instructions_between = 10'000;
  const auto is_asked = [](void* asked_of) {
    return static_cast<const std::atomic<bool>*>(asked_of)->load(std::memory_order_relaxed) ? 1 : 0;
  };
  sqlite3_progress_handler(database_.get(), instructions_between, is_asked,
                           const_cast<std::atomic<bool>*>(&asked));
}

void Database::keep_log_on_close(bool keep) {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

void configure_sqlite() {
  // Memory statistics cost a global mutex at every allocation.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3_initialize();
  sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
  if (system == nullptr || system->iVersion < 3 || system->xSetSystemCall == nullptr) return;
  system->xSetSystemCall(system, "mmap", reinterpret_cast<sqlite3_syscall_ptr>(map_with_place));
  system->xSetSystemCall(system, "ftruncate", reinterpret_cast<sqlite3_syscall_ptr>(cut));
}

}  // namespace fleet_sim::tables
