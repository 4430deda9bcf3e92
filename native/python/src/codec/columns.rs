//! Text that repeats: what records alike have under the same key is often the same. Such strings are made once per pack.

use pyo3::prelude::*;

use super::read_shapes::latin1;

/// A column with so many different texts one after the other is not looked at any more.
const GIVE_UP: u8 = 8;

/// The texts under one key of a shape, in the order in which they are read.
#[derive(Default)]
pub struct Column<'a, 'py> {
    last: Option<(&'a [u8], Bound<'py, PyAny>)>,
    different: u8,
}

impl<'a, 'py> Column<'a, 'py> {
    /// The string of these Latin-1 characters.
    #[inline]
    pub fn text(&mut self, py: Python<'py>, chars: &'a [u8]) -> PyResult<Bound<'py, PyAny>> {
        match &self.last {
            Some((same, text)) if *same == chars => {
                self.different = 0;
                Ok(text.clone())
            }
            _ if self.different == GIVE_UP => latin1(py, chars),
            _ => self.another(py, chars),
        }
    }

    fn another(&mut self, py: Python<'py>, chars: &'a [u8]) -> PyResult<Bound<'py, PyAny>> {
        let text = latin1(py, chars)?;
        self.different += 1;
        let wanted = self.different < GIVE_UP;
        self.last = wanted.then(|| (chars, text.clone()));
        Ok(text)
    }
}
