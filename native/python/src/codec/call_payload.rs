//! The payload of a CALL, (name, args, kwargs, site), read without making Python strings of its names.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use symphony_core::pack::{tag, Malformed, PackReader, PackView};

use super::decode::Decoder;
use super::failure::{Failure, Outcome};
use super::views::Views;
use super::RefResolver;

/// Payload of a CALL, ready to be called.
pub struct CallPayload<'a, 'py> {
    /// What to call; None: the target itself.
    pub name: Option<Cow<'a, str>>,
    pub args: Bound<'py, PyTuple>,
    pub kwargs: Option<Bound<'py, PyDict>>,
    /// `file:line` of the caller.
    pub site: Option<Cow<'a, str>>,
}

/// Reads the payload of a CALL: (name, args, kwargs, site). Errors as for [`decode`].
pub fn decode_call<'a, 'py>(
    py: Python<'py>,
    view: &PackView<'a>,
    refs: &dyn RefResolver,
) -> PyResult<CallPayload<'a, 'py>> {
    read(&mut Decoder::new(py, view, refs))
}

/// [`decode_call`] for a synchronous call, in which memory can be lent: [`Views::settle`] must follow the call.
pub fn decode_call_lending<'a, 'py>(
    py: Python<'py>,
    view: &PackView<'a>,
    refs: &dyn RefResolver,
) -> PyResult<(CallPayload<'a, 'py>, Views<'py>)> {
    let mut decoder = Decoder::new(py, view, refs);
    decoder.views = Some(Views::default());
    match read(&mut decoder) {
        Ok(call) => Ok((call, decoder.views.unwrap_or_default())),
        Err(error) => Err(decoder
            .views
            .unwrap_or_default()
            .settle(py, Err(error))
            .err()
            .unwrap_or_else(|| unreachable!("an error stays one"))),
    }
}

fn read<'a, 'py>(decoder: &mut Decoder<'a, '_, 'py>) -> PyResult<CallPayload<'a, 'py>> {
    let py = decoder.py;
    let failed = |root| move |failure: Box<Failure>| failure.into_error(py, root);
    let mut header = || -> Outcome<_> {
        if decoder.reader.expect(tag::TUPLE)? != 4 {
            return Err(Malformed("a call has four parts").into());
        }
        Ok(optional_text(&mut decoder.reader)?)
    };
    let name = header().map_err(failed("call"))?;
    let args = args(decoder).map_err(failed("args"))?;
    let kwargs = kwargs(decoder).map_err(failed("kwargs"))?;
    let site = optional_text(&mut decoder.reader)
        .map_err(Box::<Failure>::from)
        .and_then(|site| decoder.finish().map(|()| site))
        .map_err(failed("site"))?;
    Ok(CallPayload {
        name,
        args,
        kwargs,
        site,
    })
}

fn args<'py>(decoder: &mut Decoder<'_, '_, 'py>) -> Outcome<Bound<'py, PyTuple>> {
    let n = decoder.reader.expect(tag::TUPLE)?;
    let args = decoder.tuple(n)?;
    // SAFETY: `tuple` makes a tuple.
    Ok(unsafe { args.cast_into_unchecked() })
}

fn kwargs<'py>(decoder: &mut Decoder<'_, '_, 'py>) -> Outcome<Option<Bound<'py, PyDict>>> {
    let kwargs = decoder.value()?;
    if kwargs.is_none() {
        return Ok(None);
    }
    match kwargs.cast_into::<PyDict>() {
        Ok(kwargs) => Ok(Some(kwargs)),
        Err(_) => Err(Malformed("keyword arguments must be an object").into()),
    }
}

fn optional_text<'a>(reader: &mut PackReader<'a, '_>) -> Result<Option<Cow<'a, str>>, Malformed> {
    if reader.rest().first().map(|&op| op as u8) == Some(tag::NONE) {
        reader.op()?;
        return Ok(None);
    }
    text(reader).map(Some)
}

/// A string, borrowed from the pack where its form there is UTF-8 too.
pub fn text<'a>(reader: &mut PackReader<'a, '_>) -> Result<Cow<'a, str>, Malformed> {
    let mut ahead = reader.clone();
    let op = ahead.op()?;
    if op as u8 == tag::STR {
        let n = ahead.arg(op)?;
        let chars = ahead.chars(n)?;
        if chars.is_ascii() {
            if let Ok(text) = std::str::from_utf8(chars) {
                *reader = ahead;
                return Ok(Cow::Borrowed(text));
            }
        }
    }
    reader.text().map(Cow::Owned)
}
