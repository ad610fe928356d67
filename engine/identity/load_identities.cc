#include "identity/load_identities.h"

#include <fcntl.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "base/random.h"
#include "identity/identity_file.h"

namespace fleet_sim {

namespace {

// What may be in memory at once beside the roster: `most_parcels` of a slice's text and records (about 3 MB),
// or of a group's files and records (about 6 MB, if every file is just below the limit). Together below 100
// MB.
constexpr std::size_t slice_bytes = 512 << 10;
constexpr std::size_t group_files = 32;
constexpr std::size_t small_document_bytes = 32 << 10;
constexpr std::size_t most_parcels = 24;

// ---- files ----

std::string reason(int error) {
  return std::strerror(error);
}

// An identity file open for reading. Anything but a regular file is refused before it is opened, because
// opening a FIFO may wait for ever and a device may never end.
class InputFile {
 public:
  InputFile() = default;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { close(); }

  // Returns why the file cannot be used, or an empty string.
  std::string open(const std::string& path) {
    close();
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return "cannot be read: " + reason(errno);
    if (S_ISDIR(status.st_mode)) return "is a folder, not a file";
    if (!S_ISREG(status.st_mode)) return "is not a regular file";
    if (static_cast<std::uintmax_t>(status.st_size) > largest_identity_file_bytes) {
      return too_large(std::to_string(status.st_size) + " bytes long");
    }
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return descriptor_ < 0 ? "cannot be opened: " + reason(errno) : std::string();
  }

  // Fills the buffer as far as the file goes; less than asked for means the end, or a failure.
  std::size_t read(std::span<char> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
      const auto got = ::read(descriptor_, buffer.data() + filled, buffer.size() - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) failure_ = "cannot be read: " + reason(errno);
      if (got <= 0) break;
      filled += static_cast<std::size_t>(got);
    }
    total_ += filled;
    // It may have grown since it was measured.
    if (total_ > largest_identity_file_bytes) failure_ = too_large("too long");
    return failure_.empty() ? filled : 0;
  }

  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
    total_ = 0;
    failure_.clear();
  }

  static std::string too_large(const std::string& size) {
    return "is " + size + ": split it into files of at most " + std::to_string(largest_identity_file_bytes) +
           " bytes";
  }

  int descriptor_ = -1;
  std::uintmax_t total_ = 0;
  std::string failure_;
};

struct Source {
  std::string path;
  bool lines = false;  // .jsonl
};

bool holds_lines(const std::filesystem::path& path) {
  return path.extension() == ".jsonl";
}

bool is_identity_file_name(const std::filesystem::path& path) {
  const bool hidden = path.filename().native().starts_with('.');
  return !hidden && (path.extension() == ".json" || holds_lines(path));
}

void list_folder(const std::filesystem::path& folder, std::vector<Source>& sources, Problems& problems) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_identity_file_name(entry->path())) found.push_back(entry->path());
  }
  if (error) return problems.add(printable(folder.native(), 500), "cannot be listed: " + error.message());
  if (found.empty()) {
    return problems.add(printable(folder.native(), 500),
                        "the folder holds no .json or .jsonl file: add identity files, or write some with "
                        "`fleet-sim generate --preset demo --out " +
                            printable(folder.native(), 500) + "`");
  }
  std::sort(found.begin(), found.end());
  for (const auto& path : found) sources.push_back({path.native(), holds_lines(path)});
}

std::vector<Source> list_sources(const std::vector<std::filesystem::path>& paths, Problems& problems) {
  std::vector<Source> sources;
  for (const auto& path : paths) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
      list_folder(path, sources, problems);
    } else {
      sources.push_back({path.native(), holds_lines(path)});
    }
  }
  return sources;
}

// ---- parcels ----

struct FileFindings {
  std::uint32_t file = 0;  // index of the source
  IdentityFindings findings;
  bool long_document = false;  // not parsed yet: too long to be held whole
  bool readable = true;
  bool ends = true;  // nothing of the file comes after this
};

// What goes through the pipeline: a group of small documents, or a slice of a file of lines.
struct Parcel {
  std::uint32_t first_file = 0;
  std::uint32_t files = 0;  // of a group; 0: a slice
  std::string slice;
  std::uint32_t first_line = 1;
  std::string failure;  // why the file of the slice cannot be read on
  bool readable = true;
  bool ends = false;
  std::vector<FileFindings> found;
};
using ParcelPointer = std::shared_ptr<Parcel>;

// Cuts the sources into parcels, in order. One thread at a time.
class Cutter {
 public:
  explicit Cutter(const std::vector<Source>& sources) : sources_(sources) {}

  // Null when all is handed out.
  ParcelPointer next() {
    if (!in_slices_ && next_ == sources_.size()) return nullptr;
    auto parcel = std::make_shared<Parcel>();
    parcel->first_file = static_cast<std::uint32_t>(next_);
    if (in_slices_ || sources_[next_].lines) {
      cut_slice(*parcel);
    } else {
      take_group(*parcel);
    }
    return parcel;
  }

 private:
  void take_group(Parcel& parcel) {
    while (next_ < sources_.size() && parcel.files < group_files && !sources_[next_].lines) {
      ++parcel.files;
      ++next_;
    }
  }

  void cut_slice(Parcel& parcel) {
    if (!in_slices_) open_lines(parcel);
    if (parcel.failure.empty()) fill_slice(parcel);
    in_slices_ = !parcel.ends;
    if (parcel.ends) ++next_;
  }

  void open_lines(Parcel& parcel) {
    line_ = 1;
    rest_.clear();
    inside_long_line_ = false;
    parcel.failure = file_.open(sources_[next_].path);
    parcel.readable = parcel.failure.empty();
    parcel.ends = !parcel.readable;
    if (parcel.readable) skip_byte_order_mark();
  }

  void skip_byte_order_mark() {
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    rest_.resize(mark.size());
    rest_.resize(file_.read(rest_));
    if (rest_ == mark) rest_.clear();
  }

  void fill_slice(Parcel& parcel) {
    if (inside_long_line_) skip_line();
    std::string& text = parcel.slice;
    text = std::exchange(rest_, {});
    const std::size_t kept = text.size();
    text.resize(kept + slice_bytes);
    text.resize(kept + file_.read(std::span(text).subspan(kept)));
    parcel.failure = file_.failure();
    parcel.ends = text.size() < kept + slice_bytes;
    parcel.first_line = line_;
    if (!parcel.ends) keep_rest(text);
    line_ += static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
  }

  // Leaves whole lines in `text`. A line longer than a slice is far over the limit for one identity: its
  // beginning is handed out alone, to be refused with its line number, and the rest of it is skipped.
  void keep_rest(std::string& text) {
    const auto last_break = text.rfind('\n');
    inside_long_line_ = last_break == std::string::npos;
    if (inside_long_line_) return;
    rest_ = text.substr(last_break + 1);
    text.resize(last_break + 1);
  }

  void skip_line() {
    std::string block;
    auto line_break = std::string::npos;
    do {
      block.resize(slice_bytes);
      block.resize(file_.read(block));
      line_break = block.find('\n');
    } while (line_break == std::string::npos && !block.empty());
    inside_long_line_ = false;
    if (line_break == std::string::npos) return;
    ++line_;
    rest_ = block.substr(line_break + 1);
  }

  const std::vector<Source>& sources_;
  std::size_t next_ = 0;
  bool in_slices_ = false;  // sources_[next_] is open and not at its end
  InputFile file_;
  std::string rest_;  // the beginning of the next slice's first line
  std::uint32_t line_ = 1;
  bool inside_long_line_ = false;
};

void fail(FileFindings& file, std::string why) {
  ++file.findings.invalid;
  file.findings.add_mistake(0, std::move(why));
}

void parse_small_document(const std::string& path, std::string& buffer, FileFindings& file) {
  InputFile input;
  std::string failure = input.open(path);
  file.readable = failure.empty();
  if (!file.readable) return fail(file, std::move(failure));
  buffer.resize(small_document_bytes + 1);
  const std::size_t length = input.read(buffer);
  if (!input.failure().empty()) return fail(file, input.failure());
  file.long_document = length > small_document_bytes;
  if (!file.long_document) parse_identity_document(std::string_view(buffer).substr(0, length), file.findings);
}

void parse_group(Parcel& parcel, const std::vector<Source>& sources) {
  std::string buffer;
  for (std::uint32_t i = 0; i < parcel.files; ++i) {
    FileFindings& file = parcel.found.emplace_back();
    file.file = parcel.first_file + i;
    parse_small_document(sources[file.file].path, buffer, file);
  }
}

void parse_slice(Parcel& parcel) {
  FileFindings& file = parcel.found.emplace_back();
  file.file = parcel.first_file;
  file.readable = parcel.readable;
  file.ends = parcel.ends;
  parse_identity_lines(parcel.slice, parcel.first_line, file.findings);
  if (!parcel.failure.empty()) fail(file, std::move(parcel.failure));
  parcel.slice = {};
}

ParcelPointer parse(const ParcelPointer& parcel, const std::vector<Source>& sources) {
  if (parcel->files > 0) {
    parse_group(*parcel, sources);
  } else {
    parse_slice(*parcel);
  }
  return parcel;
}

// ---- the roster ----

// Which ids are in the roster already: open addressing over roster indices, 8 bytes a slot.
class IdIndex {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  // The index of the identity with this id. When there is none, remembers that `index` is going to have it.
  std::uint32_t find_or_claim(const Roster& roster, std::string_view id, std::uint32_t index) {
    if (2 * (used_ + 1) > slots_.size()) grow(roster);
    const std::uint64_t hash = hash_text(id);
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    std::size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].index != none; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].tag == tag && roster[slots_[at].index].id == id) return slots_[at].index;
    }
    slots_[at] = {index, tag};
    ++used_;
    return none;
  }

 private:
  struct Slot {
    std::uint32_t index = none;
    std::uint32_t tag = 0;
  };

  void grow(const Roster& roster) {
    const std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(1'024, 2 * slots_.size())));
    for (const Slot& slot : old) {
      if (slot.index != none) insert(slot, hash_text(roster[slot.index].id));
    }
  }

  void insert(const Slot& slot, std::uint64_t hash) {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].index != none) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

// Takes what was found into the roster, in file order. One thread at a time.
class Adder {
 public:
  Adder(const std::vector<Source>& sources, Problems& problems) : sources_(sources), problems_(problems) {}

  void add(Parcel& parcel) {
    for (FileFindings& file : parcel.found) {
      if (full()) return;
      add(file);
    }
  }

  // Set when there are as many identities as there may be; nothing more is read then. Any thread.
  [[nodiscard]] bool full() const { return full_; }

  LoadedIdentities take() {
    loaded_.unknown_keys.assign(unknown_keys_.begin(), unknown_keys_.end());
    return std::move(loaded_);
  }

 private:
  struct Place {
    std::uint32_t file;
    std::uint32_t line;
  };

  void add(FileFindings& file) {
    if (file.long_document) {
      stream_document(file);
    } else {
      add(file.file, file.findings);
    }
    if (!file.ends) return;
    if (file.readable) ++loaded_.files;
    if (std::exchange(found_in_file_, 0) == 0) report_empty(file.file);
  }

  void add(std::uint32_t file, IdentityFindings& findings) {
    found_in_file_ += findings.identities.size() + findings.invalid;
    loaded_.invalid += findings.invalid;
    for (const std::string& key : findings.unknown_keys) {
      if (unknown_keys_.size() < IdentityFindings::most_unknown_keys) unknown_keys_.insert(key);
    }
    auto mistake = findings.mistakes.begin();
    const auto report_up_to = [&](std::size_t found) {
      for (; mistake != findings.mistakes.end() && mistake->found_before <= found; ++mistake) {
        problems_.add(place(file, mistake->line), mistake->text);
      }
    };
    for (std::size_t i = 0; i < findings.identities.size() && !full_; ++i) {
      report_up_to(i);
      add(file, findings.identities[i]);
    }
    report_up_to(SIZE_MAX);
    // Only counted: the texts that may be shown are all taken by those above.
    for (std::size_t i = 0; i < findings.further_mistakes; ++i) problems_.add({}, {});
  }

  void add(std::uint32_t file, const FoundIdentity& found) {
    const Roster& roster = loaded_.roster;
    const auto index = static_cast<std::uint32_t>(roster.size());
    if (index == most_identities) return report_full(file, found.line);
    const std::uint32_t same = ids_.find_or_claim(roster, found.record.id, index);
    if (same != IdIndex::none) return report_duplicate(file, found, places_[same]);
    loaded_.roster.add(found.record);
    places_.push_back({file, found.line});
  }

  // A long document is parsed here, as it is read, so that it is never in memory whole.
  void stream_document(FileFindings& file) {
    InputFile input;
    std::string failure = input.open(sources_[file.file].path);
    if (!failure.empty()) {
      fail(file, std::move(failure));
      return add(file.file, file.findings);
    }
    std::string buffer(slice_bytes, '\0');
    const NextBytes next = [&] { return std::string_view(buffer).substr(0, full_ ? 0 : input.read(buffer)); };
    const DrainFindings drain = [&](IdentityFindings& findings) {
      add(file.file, std::exchange(findings, {}));
    };
    parse_identity_document(next, file.findings, drain);
    if (full_) return;
    if (!input.failure().empty()) {
      file.findings = {};  // what the parser made of the sudden end is no news
      fail(file, input.failure());
    }
    add(file.file, file.findings);
  }

  void add(std::uint32_t file, IdentityFindings&& findings) { add(file, findings); }

  void report_duplicate(std::uint32_t file, const FoundIdentity& found, Place first) {
    ++loaded_.invalid;
    problems_.add(place(file, found.line), "id '" + printable(found.record.id) + "' is already used in " +
                                               place(first.file, first.line));
  }

  void report_full(std::uint32_t file, std::uint32_t line) {
    full_ = true;
    problems_.add(place(file, line), "more than " + std::to_string(most_identities) +
                                         " identities: split them over several processes");
  }

  void report_empty(std::uint32_t file) {
    ++loaded_.invalid;
    problems_.add(place(file, 0), "holds no identity: write one per line, such as {\"id\": \"SENSOR_001\"}");
  }

  [[nodiscard]] std::string place(std::uint32_t file, std::uint32_t line) const {
    const std::string path = printable(sources_[file].path, 500);
    return line == 0 ? path : path + ':' + std::to_string(line);
  }

  const std::vector<Source>& sources_;
  Problems& problems_;
  LoadedIdentities loaded_;
  IdIndex ids_;
  std::vector<Place> places_;  // of each identity in the roster
  std::set<std::string, std::less<>> unknown_keys_;
  std::size_t found_in_file_ = 0;
  std::atomic<bool> full_ = false;
};

std::size_t parcels_at_once() {
  const auto threads = static_cast<std::size_t>(std::max(1, oneapi::tbb::this_task_arena::max_concurrency()));
  return std::min(3 * threads, most_parcels);
}

}  // namespace

LoadedIdentities load_identities(const std::vector<std::filesystem::path>& paths, Problems& problems) {
  namespace tbb = oneapi::tbb;
  const std::vector<Source> sources = list_sources(paths, problems);
  Cutter cutter(sources);
  Adder adder(sources, problems);

  const auto cut = [&](tbb::flow_control& control) {
    ParcelPointer parcel = adder.full() ? nullptr : cutter.next();
    if (!parcel) control.stop();
    return parcel;
  };
  const auto parse_parcel = [&](const ParcelPointer& parcel) { return parse(parcel, sources); };
  const auto add_parcel = [&](const ParcelPointer& parcel) { adder.add(*parcel); };
  tbb::parallel_pipeline(
      parcels_at_once(),
      tbb::make_filter<void, ParcelPointer>(tbb::filter_mode::serial_in_order, cut) &
          tbb::make_filter<ParcelPointer, ParcelPointer>(tbb::filter_mode::parallel, parse_parcel) &
          tbb::make_filter<ParcelPointer, void>(tbb::filter_mode::serial_in_order, add_parcel));
  return adder.take();
}

}  // namespace fleet_sim
