//! Listpacks for both ends of a queue: there may be room before the first byte, so that an element is
//! added or taken away at either end in constant time. The head moves with the beginning, so that
//! the bytes are a listpack at any time.

use std::fmt;
use std::ops::Range;

use super::{END, Element, Elements, HEAD, Listpack, ListpackBuf, Sink, UNKNOWN, encode};

/// Bytes up to which a listpack that gets an element before the first is moved rather than given
/// room: moving so little costs nothing, and small listpacks live where there is no room.
const MOVED_MAX: usize = 1024;

/// An eighth of its size is what a listpack grows by at an end, so that little of it is unused.
const SPARE_AT_END: usize = 8;

/// A sixteenth of its size is what a listpack grows by when an element comes between others.
const SPARE_WITHIN: usize = 16;

/// A listpack with room before it. It knows how many elements it has.
#[derive(Clone)]
pub struct GapListpack {
    bytes: Vec<u8>,
    /// The first byte of the listpack.
    start: u32,
    count: u32,
}

impl Default for GapListpack {
    fn default() -> Self {
        Self::from_empty(Vec::new())
    }
}

impl fmt::Debug for GapListpack {
    /// The elements alone: room before and behind them tells nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.view().iter().map(|placed| placed.element)).finish()
    }
}

/// Bytes that are written from the front on.
struct Room<'a>(&'a mut [u8]);

impl Sink for Room<'_> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        if let Some((to, rest)) = std::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            to.copy_from_slice(bytes);
            self.0 = rest;
        }
    }
}

impl<'a> Listpack<'a> {
    /// The elements up to the one whose last byte is before `end`.
    #[inline]
    #[must_use]
    pub fn iter_to(self, end: usize) -> Elements<'a> {
        Elements { listpack: self, range: HEAD..end }
    }
}

impl GapListpack {
    /// An empty listpack in the memory of `buffer`, whose content goes.
    #[must_use]
    pub fn from_empty(buffer: Vec<u8>) -> Self {
        Self { bytes: ListpackBuf::from_empty(buffer).into_bytes(), start: 0, count: 0 }
    }

    /// A listpack of one element, with no memory to spare.
    #[must_use]
    pub fn of(element: Element<'_>) -> Self {
        let mut new = Self::from_empty(Vec::with_capacity(HEAD + element.stored_len() + 1));
        new.push_back(element);
        new
    }

    /// A listpack of one element in a buffer of so many bytes, with the room to spare before or behind
    /// it.
    #[must_use]
    pub fn with_room(element: Element<'_>, buffer: usize, before: bool) -> Self {
        let size = HEAD + element.stored_len() + 1;
        let start = if before { buffer.saturating_sub(size) } else { 0 };
        let mut bytes = Vec::with_capacity(buffer.max(size));
        bytes.resize(start, 0);
        bytes.extend_from_slice(&[HEAD as u8 + 1, 0, 0, 0, 0, 0, END]);
        let mut new = Self { bytes, start: start as u32, count: 0 };
        new.push_back(element);
        new
    }

    /// Bytes that are known to be a listpack.
    #[must_use]
    pub fn trusted(bytes: Vec<u8>) -> Self {
        let count = Listpack::trusted(&bytes).len() as u32;
        Self { bytes, start: 0, count }
    }

    /// The listpack to read.
    #[inline]
    #[must_use]
    pub fn view(&self) -> Listpack<'_> {
        Listpack(self.bytes.get(self.start as usize..).unwrap_or_default())
    }

    /// Number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are no elements.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the listpack.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len() - self.start as usize
    }

    /// Bytes of memory that it has reserved.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// All its bytes.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.close_gap();
        self.bytes
    }

    /// Gives back memory that is reserved and not used.
    pub fn shrink(&mut self) {
        if self.capacity() > self.size() {
            self.close_gap();
            self.bytes.shrink_to_fit();
        }
    }

    fn close_gap(&mut self) {
        self.bytes.drain(..self.start as usize);
        self.start = 0;
    }

    /// Adds an element at the end. Takes constant time on average.
    #[inline]
    pub fn push_back(&mut self, element: Element<'_>) {
        if self.bytes.capacity() - self.bytes.len() < element.stored_len() {
            self.make_room(element.stored_len());
        }
        self.bytes.pop();
        encode(element, &mut self.bytes);
        self.bytes.push(END);
        self.set_count(self.count + 1);
    }

    /// Makes room for so many bytes behind the listpack: where the gap is, if that is large.
    #[cold]
    fn make_room(&mut self, needed: usize) {
        if self.start as usize > self.size() {
            self.close_gap();
        }
        self.bytes.reserve_exact(needed.max(self.size() / SPARE_AT_END));
    }

    /// Adds an element before the first. Takes constant time on average, if it may become `limit`
    /// bytes long.
    #[inline]
    pub fn push_front(&mut self, element: Element<'_>, limit: usize) {
        let len = element.stored_len();
        if (self.start as usize) < len {
            self.make_gap(len, limit);
        }
        self.start -= len as u32;
        let begin = self.start as usize + HEAD;
        if let Some(room) = self.bytes.get_mut(begin..begin + len) {
            encode(element, &mut Room(room));
        }
        self.set_count(self.count + 1);
    }

    /// Makes room for so many bytes before the listpack, and for more of them if it is large.
    fn make_gap(&mut self, needed: usize, limit: usize) {
        let (old, size) = (self.start as usize, self.size());
        let total = size + needed;
        let spare = (size / SPARE_AT_END).min(limit.saturating_sub(total));
        let spare = if total <= MOVED_MAX { 0 } else { spare };
        let (gap, len) = (needed + spare, self.bytes.len());
        if spare == 0 {
            self.bytes.reserve(gap - old);
            self.bytes.resize(len + gap - old, 0);
            self.bytes.copy_within(old..len, gap);
        } else {
            let mut bytes = Vec::with_capacity(gap + size);
            bytes.resize(gap, 0);
            bytes.extend_from_slice(self.view().bytes());
            self.bytes = bytes;
        }
        self.start = gap as u32;
    }

    /// Takes away the first `count` elements.
    #[inline]
    pub fn pop_front(&mut self, count: usize) {
        let listpack = self.view();
        let place = match count {
            1 => listpack.at(HEAD).map(|first| first.end),
            _ if count >= self.len() => Some(self.size() - 1),
            _ => listpack.get(count).map(|kept| kept.at),
        };
        self.start += place.map_or(0, |end| end - HEAD) as u32;
        self.set_count(self.count.saturating_sub(count as u32));
    }

    /// Takes away the last `count` elements.
    #[inline]
    pub fn pop_back(&mut self, count: usize) {
        let (listpack, size) = (self.view(), self.size());
        let place = match count {
            1 => listpack.before(size - 1).map(|last| last.at),
            _ if count >= self.len() => Some(HEAD),
            _ => listpack.get(self.len() - count).map(|first| first.at),
        };
        if let Some(end) = place {
            self.end_at(self.start as usize + end);
        }
        self.set_count(self.count.saturating_sub(count as u32));
    }

    /// Puts elements in the place of `removed` others, which are all that lie in `place`.
    pub fn splice(&mut self, place: Range<usize>, elements: &[Element<'_>], removed: usize) {
        self.close_gap();
        let more: usize = elements.iter().map(|element| element.stored_len()).sum();
        if self.bytes.capacity() - self.bytes.len() < more {
            self.bytes.reserve_exact(more + self.bytes.len() / SPARE_WITHIN);
        }
        let mut listpack = ListpackBuf::trusted(std::mem::take(&mut self.bytes));
        listpack.splice(place, elements, removed);
        self.bytes = listpack.into_bytes();
        self.count = (self.count + elements.len() as u32).saturating_sub(removed as u32);
    }

    /// Keeps the elements that `keep` wants, asked in order.
    pub fn retain(&mut self, mut keep: impl FnMut(Element<'_>) -> bool) {
        let start = self.start as usize;
        let (mut from, mut to, mut count) = (HEAD, start + HEAD, 0);
        while from + 1 < self.size() {
            let Some(placed) = self.view().at(from) else { break };
            let end = placed.end;
            if keep(placed.element) {
                self.bytes.copy_within(start + from..start + end, to);
                to += end - from;
                count += 1;
            }
            from = end;
        }
        self.end_at(to);
        self.set_count(count);
    }

    /// Takes away the elements from number `index` on, and returns them.
    #[must_use]
    pub fn split_off(&mut self, index: usize) -> Self {
        let Some(first) = self.view().get(index) else { return Self::default() };
        let tail = self.view().bytes().get(first.at..).unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEAD + tail.len());
        bytes.extend_from_slice(&[0; HEAD]);
        bytes.extend_from_slice(tail);
        let mut behind = Self { bytes, start: 0, count: 0 };
        behind.set_count(self.count - index as u32);
        self.end_at(self.start as usize + first.at);
        self.set_count(index as u32);
        behind
    }

    /// Adds the elements of another listpack behind the last.
    pub fn append(&mut self, other: &Self) {
        self.close_gap();
        let tail = other.view().bytes().get(HEAD..).unwrap_or_default();
        self.bytes.pop();
        self.bytes.reserve_exact(tail.len());
        self.bytes.extend_from_slice(tail);
        self.set_count(self.count + other.count);
    }

    /// Ends the listpack at this byte of the memory.
    fn end_at(&mut self, end: usize) {
        self.bytes.truncate(end);
        self.bytes.push(END);
    }

    /// Brings the head up to date.
    #[inline]
    fn set_count(&mut self, count: u32) {
        self.count = count;
        let [a, b, c, d] = (self.size() as u32).to_le_bytes();
        let [low, high] = u16::try_from(count).unwrap_or(UNKNOWN).to_le_bytes();
        let start = self.start as usize;
        if let Some(head) = self.bytes.get_mut(start..start + HEAD) {
            head.copy_from_slice(&[a, b, c, d, low, high]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn texts(listpack: Listpack<'_>) -> Vec<Vec<u8>> {
        listpack.iter().map(|placed| placed.element.to_vec()).collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        PushFront(Vec<u8>),
        PushBack(Vec<u8>),
        PopFront(usize),
        PopBack(usize),
        Insert(usize, Vec<u8>),
        Replace(usize, Vec<u8>),
        Retain(u8),
        SplitAndJoin(usize),
        Shrink,
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => "[0-9]{1,12}".prop_map(String::into_bytes),
            4 => prop::collection::vec(any::<u8>(), 0..80),
            1 => prop::collection::vec(any::<u8>(), 4000..5000),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => text().prop_map(Step::PushFront),
            4 => text().prop_map(Step::PushBack),
            2 => (1usize..5).prop_map(Step::PopFront),
            2 => (1usize..5).prop_map(Step::PopBack),
            1 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Insert(at, text)),
            1 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Replace(at, text)),
            1 => any::<u8>().prop_map(Step::Retain),
            1 => any::<usize>().prop_map(Step::SplitAndJoin),
            1 => Just(Step::Shrink),
        ]
    }

    fn take(listpack: &mut GapListpack, model: &mut VecDeque<Vec<u8>>, step: Step) {
        let at = |index: usize, listpack: &GapListpack| {
            let listpack = listpack.view();
            let end = listpack.bytes().len() - 1;
            listpack.get(index).map_or(end..end, |placed| placed.at..placed.end)
        };
        match step {
            Step::PushFront(text) => {
                listpack.push_front(Element::of(&text), 8192);
                model.push_front(text);
            }
            Step::PushBack(text) => {
                listpack.push_back(Element::of(&text));
                model.push_back(text);
            }
            Step::PopFront(count) => {
                let count = count.min(model.len());
                listpack.pop_front(count);
                model.drain(..count);
            }
            Step::PopBack(count) => {
                let count = count.min(model.len());
                listpack.pop_back(count);
                model.truncate(model.len() - count);
            }
            Step::Insert(index, text) => {
                let index = index % (model.len() + 1);
                let place = at(index, listpack);
                listpack.splice(place.start..place.start, &[Element::of(&text)], 0);
                model.insert(index, text);
            }
            Step::Replace(index, text) if !model.is_empty() => {
                let index = index % model.len();
                listpack.splice(at(index, listpack), &[Element::of(&text)], 1);
                model[index] = text;
            }
            Step::Retain(bound) => {
                let keep = |text: &[u8]| text.first().copied().unwrap_or(0) <= bound;
                listpack.retain(|element| keep(&element.to_vec()));
                model.retain(|text| keep(text));
            }
            Step::SplitAndJoin(index) => {
                let behind = listpack.split_off(index % (model.len() + 1));
                assert!(Listpack::check(behind.view().bytes()).is_ok());
                listpack.append(&behind);
            }
            Step::Replace(..) | Step::Shrink => {
                listpack.shrink();
                assert_eq!(listpack.capacity(), listpack.size());
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_a_listpack_of_the_elements_after_every_change(
            steps in prop::collection::vec(step(), 0..60)
        ) {
            let (mut listpack, mut model) = (GapListpack::default(), VecDeque::new());
            for step in steps {
                take(&mut listpack, &mut model, step);
                let checked = Listpack::check(listpack.view().bytes()).unwrap();
                prop_assert_eq!(texts(checked), Vec::from(model.clone()));
                prop_assert_eq!(listpack.len(), model.len());
                let bytes = listpack.clone().into_bytes();
                prop_assert_eq!(&bytes[..], listpack.view().bytes());
                prop_assert_eq!(GapListpack::trusted(bytes).len(), model.len());
            }
        }
    }

    #[test]
    fn a_queue_does_not_grow_with_what_went_through_it() {
        let mut listpack = GapListpack::default();
        for number in 0..100_000 {
            listpack.push_back(Element::Int(number));
            if number >= 10 {
                listpack.pop_front(1);
            }
        }
        assert_eq!(listpack.len(), 10);
        assert!(listpack.capacity() < 1000, "{} bytes", listpack.capacity());
    }

    #[test]
    fn what_grows_at_its_beginning_is_not_moved_each_time() {
        let (mut listpack, mut moves, mut room) = (GapListpack::default(), 0, 0);
        for number in 0..2000 {
            listpack.push_front(Element::Int(number + 100_000), 16_384);
            moves += usize::from(listpack.capacity() != room && listpack.size() > MOVED_MAX);
            room = listpack.capacity();
        }
        assert!(moves < 30, "{moves}");
        assert!(listpack.capacity() <= listpack.size() * 9 / 8);
    }

    #[test]
    fn elements_are_read_backwards_from_any_place() {
        let mut listpack = GapListpack::default();
        (0..5).for_each(|number| listpack.push_back(Element::Int(number)));
        let end = listpack.view().get(2).unwrap().end;
        let read: Vec<_> = listpack.view().iter_to(end).rev().map(|p| p.element).collect();
        assert_eq!(read, [Element::Int(2), Element::Int(1), Element::Int(0)]);
    }
}
