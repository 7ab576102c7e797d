// A temporary file is written, synced and renamed, and its folder synced: in this order,
// a crash at any point leaves either the old bundle or the new one (Pillai et al., "All
// File Systems Are Not Created Equal", OSDI 2014).
#include "compiler/emit/BundleWriter.h"
#include "compiler/emit/Hash.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace encdec {
namespace {

uint64_t alignUp(uint64_t value) {
  return (value + ENCDEC_BUNDLE_ALIGN - 1) / ENCDEC_BUNDLE_ALIGN *
         ENCDEC_BUNDLE_ALIGN;
}

template <class T> ArrayRef<uint8_t> bytesOf(const T &value) {
  return {reinterpret_cast<const uint8_t *>(&value), sizeof(T)};
}

std::string folderOf(StringRef path) {
  StringRef folder = sys::path::parent_path(path);
  return folder.empty() ? "." : folder.str();
}

} // namespace

/// The checksum of a section whose bytes come part by part. The checksum of a large
/// section is that of its chunks' checksums (abi.h).
struct BundleWriter::Hash {
  void reset() {
    chunk.reset();
    chunks.reset();
    inChunk = chunkCount = 0;
  }
  void update(ArrayRef<uint8_t> bytes) {
    while (!bytes.empty()) {
      if (inChunk == ENCDEC_BUNDLE_CHUNK)
        endChunk();
      size_t part =
          std::min<uint64_t>(bytes.size(), ENCDEC_BUNDLE_CHUNK - inChunk);
      chunk.update(bytes.take_front(part));
      inChunk += part;
      bytes = bytes.drop_front(part);
    }
  }
  void digest(uint8_t *out) {
    if (chunkCount == 0)
      return chunk.digest(out);
    endChunk();
    chunks.digest(out);
  }

private:
  void endChunk() {
    uint8_t sum[16];
    chunk.digest(sum);
    chunks.update(sum);
    chunk.reset();
    inChunk = 0;
    ++chunkCount;
  }

  Xxh3 chunk, chunks;
  uint64_t inChunk = 0, chunkCount = 0;
};

BundleWriter::BundleWriter() : hash(std::make_unique<Hash>()) {}

std::string BundleWriter::temporaryPath(StringRef path, int pid) {
  SmallString<128> name(folderOf(path));
  sys::path::append(name, "." + sys::path::filename(path) + "." +
                              std::to_string(pid) + ".tmp");
  return std::string(name);
}

Error BundleWriter::fail(StringRef what) const {
  int error = errno;
  return createStringError(std::error_code(error, std::generic_category()),
                           "'%s': %s: %s; what was there before is unchanged",
                           path.c_str(), what.str().c_str(), std::strerror(error));
}

Expected<std::string> BundleWriter::resolve(StringRef path) {
  auto refuse = [&](const char *why) {
    return createStringError("'%s' %s; name a file to write, new or regular",
                             path.str().c_str(), why);
  };
  if (path.empty())
    return createStringError("the name of the bundle to write is empty");
  if (path.ends_with("/"))
    return refuse("names a folder");
  struct stat info;
  if (lstat(path.str().c_str(), &info) != 0)
    return path.str(); // no file is there yet; create() reports any other error
  SmallString<128> target;
  if (stat(path.str().c_str(), &info) != 0 || sys::fs::real_path(path, target))
    return refuse("is a link that leads nowhere");
  if (S_ISDIR(info.st_mode))
    return refuse("is a folder");
  if (!S_ISREG(info.st_mode))
    return refuse("is a device, pipe or socket");
  return std::string(target);
}

Expected<std::unique_ptr<BundleWriter>> BundleWriter::create(StringRef path) {
  Expected<std::string> target = resolve(path);
  if (!target)
    return target.takeError();
  std::unique_ptr<BundleWriter> writer(new BundleWriter);
  writer->path = *target;
  writer->temporary = temporaryPath(*target, getpid());
  // A killed process that had our process id may have left this file.
  unlink(writer->temporary.c_str());
  writer->file = open(writer->temporary.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (writer->file < 0) {
    std::string why = errno == ENOENT    ? "does not exist"
                      : errno == ENOTDIR ? "is no folder"
                                         : std::string("takes no new file: ") +
                                               std::strerror(errno);
    return createStringError("'%s' cannot be written: the folder '%s' %s",
                             target->c_str(), folderOf(*target).c_str(), why.c_str());
  }
  return writer;
}

Error BundleWriter::announce(unsigned count) {
  sectionCount = count;
  // Header and table are written last; zeros keep their place.
  std::vector<uint8_t> zeros(sizeof(encdec_bundle_header) +
                             count * sizeof(encdec_bundle_section));
  return write(zeros);
}

Error BundleWriter::write(ArrayRef<uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t done = ::write(file, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return fail("cannot write");
    bytes = bytes.drop_front(done);
    position += done;
  }
  return Error::success();
}

Error BundleWriter::begin(uint32_t kind, StringRef name) {
  if (Error error = finishSection())
    return error;
  encdec_bundle_section section = {};
  if (name.size() >= sizeof(section.name))
    return createStringError("section name '%s' has %zu bytes, at most %zu fit",
                             name.str().c_str(), name.size(),
                             sizeof(section.name) - 1);
  if (table.size() == sectionCount)
    return createStringError("bundle has more than the announced %u sections",
                             sectionCount);
  std::vector<uint8_t> gap(alignUp(position) - position);
  if (Error error = write(gap))
    return error;
  section.kind = kind;
  section.offset = position;
  std::memcpy(section.name, name.data(), name.size());
  table.push_back(section);
  hash->reset();
  return Error::success();
}

Error BundleWriter::append(ArrayRef<uint8_t> bytes) {
  hash->update(bytes);
  return write(bytes);
}

Error BundleWriter::appendZeros(uint64_t count) {
  static const uint8_t zeros[4096] = {};
  while (count) {
    uint64_t part = std::min<uint64_t>(count, sizeof(zeros));
    if (Error error = append({zeros, size_t(part)}))
      return error;
    count -= part;
  }
  return Error::success();
}

Error BundleWriter::add(uint32_t kind, StringRef name,
                        ArrayRef<uint8_t> bytes) {
  if (Error error = begin(kind, name))
    return error;
  return append(bytes);
}

Error BundleWriter::finishSection() {
  if (table.empty())
    return Error::success();
  encdec_bundle_section &section = table.back();
  section.size = position - section.offset;
  hash->digest(section.checksum);
  return Error::success();
}

Error BundleWriter::finish() {
  if (table.size() != sectionCount)
    return createStringError("bundle has %zu of the announced %u sections",
                             table.size(), sectionCount);
  if (Error error = finishSection())
    return error;
  encdec_bundle_header header = {};
  std::memcpy(header.magic, ENCDEC_BUNDLE_MAGIC, sizeof(header.magic));
  header.version = ENCDEC_BUNDLE_VERSION;
  header.abi_version = ENCDEC_ABI_VERSION;
  header.file_size = position;
  header.section_count = sectionCount;
  Xxh3 sum;
  sum.update(bytesOf(header));
  for (const encdec_bundle_section &section : table)
    sum.update(bytesOf(section));
  sum.digest(header.checksum);

  if (lseek(file, 0, SEEK_SET) != 0)
    return fail("cannot seek");
  uint64_t end = position;
  if (Error error = write(bytesOf(header)))
    return error;
  for (const encdec_bundle_section &section : table)
    if (Error error = write(bytesOf(section)))
      return error;
  position = end;
  if (fsync(file) != 0)
    return fail("cannot sync");
  int closed = close(file);
  file = -1;
  if (closed != 0)
    return fail("cannot close");
  return Error::success();
}

Error BundleWriter::commit() {
  if (file >= 0)
    if (Error error = finish())
      return error;
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return fail("cannot rename");
  temporary.clear();
  // The bundle has its name; a synced folder makes the name survive a power cut.
  int folder = open(folderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
  return Error::success();
}

BundleWriter::~BundleWriter() {
  if (file >= 0)
    close(file);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

} // namespace encdec
